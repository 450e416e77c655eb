import { specTypeSchemas } from '@modelcontextprotocol/server'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'

/** Whether a message is an `initialize` request, valid or not. */
export function isInitialize(message: unknown): boolean {
  return isJsonObject(message) && message['method'] === 'initialize'
}

/**
 * Refuses an invalid `initialize`; the error names the invalid part.
 * @throws GatewayError `invalid_params`
 */
export function checkInitialize(message: unknown): void {
  const { issues } = specTypeSchemas.InitializeRequest['~standard'].validate(message)
  if (issues === undefined) return
  const problems = issues.slice(0, 10).map(({ path = [], message: text }) => `${placeOf(path)}: ${text}`)
  throw new GatewayError('invalid_params', `initialize is not valid: ${problems.join('; ')}`.slice(0, 1000), {
    facts: { problems },
  })
}

function placeOf(path: readonly (PropertyKey | { readonly key: PropertyKey })[]): string {
  return path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
}
