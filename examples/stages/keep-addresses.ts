/**
 * An example of a stage of one's own, for CALL_STAGES: the server `crm` learns who asks, e-mail addresses stay inside,
 * and guests may not export anything. docs/stages.md explains it.
 */
import type { CreateStage, JsonObject, OperatorStage } from '../../src/calls/operator/operator-stage.ts'

const ADDRESS = /[\w.+-]+@[\w-]+(\.[\w-]+)+/g

export const createStage: CreateStage = ({ logger, refuse }) => {
  const stage: OperatorStage = async (call, next) => {
    if (call.method !== 'tools/call') return next()
    if (call.target.startsWith('export_') && call.roles.includes('guest'))
      throw refuse('Guests may not export')

    const result = await next(call.server === 'crm' ? withCaller(call.params, call.subject) : undefined)

    const { kept, hidden } = withoutAddresses(result)
    if (hidden > 0) logger.debug({ requestId: call.requestId, hidden }, 'addresses were hidden')
    return kept
  }
  return stage
}

/** What goes to the server is a new object: the caller's own stays as it is, and is what gets recorded. */
function withCaller(params: JsonObject, subject: string): JsonObject {
  const given = isObject(params['arguments']) ? params['arguments'] : {}
  return { ...params, arguments: { ...given, requestedBy: subject } }
}

function withoutAddresses(result: JsonObject): { kept: JsonObject; hidden: number } {
  let hidden = 0
  const hide = (text: string): string =>
    text.replaceAll(ADDRESS, () => {
      hidden += 1
      return '[address]'
    })
  const clean = (value: unknown): unknown => {
    if (typeof value === 'string') return hide(value)
    if (Array.isArray(value)) return value.map(clean)
    return isObject(value) ? cleanObject(value) : value
  }
  const cleanObject = (value: JsonObject): JsonObject =>
    Object.fromEntries(Object.entries(value).map(([key, member]) => [key, clean(member)]))
  return { kept: cleanObject(result), hidden }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
