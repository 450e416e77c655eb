import { ResponseBodyError, WWWAuthenticateChallengeError } from 'oauth4webapi'
import type { HttpServerDefinition } from '../../domain/documents/server-definition.ts'
import { type ErrorFacts, GatewayError } from '../../domain/errors/errors.ts'
import { redactText } from '../../telemetry/redaction.ts'
import { withoutToken } from '../authorization/grants.ts'
import { ConnectFailed } from '../connect-failed.ts'

const MAX_TEXT = 200

/** Whether an authorization server has answered that it issues no token, as opposed to not answering. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof ResponseBodyError ||
    error instanceof WWWAuthenticateChallengeError ||
    error instanceof ConnectFailed
  )
}

/**
 * The error for a token that was not issued: nothing was sent to the server. It has no `cause`, because what an
 * authorization server answers may repeat what it was sent.
 * @param about.isOfCaller whether another token of the caller could help
 */
export function tokenRefused(
  error: unknown,
  {
    server: { name },
    isOfCaller,
    secrets,
  }: {
    readonly server: HttpServerDefinition
    readonly isOfCaller: boolean
    /** What must not be in the message. */
    readonly secrets: readonly string[]
  },
): GatewayError {
  if (error instanceof GatewayError) return error
  const facts: ErrorFacts = { server: name, mayHaveExecuted: false }
  if (!isRefusal(error))
    return new GatewayError(
      'upstream_unavailable',
      `The authorization server of ${name} ${withoutToken(error)}`,
      { facts },
    )
  const what = isOfCaller
    ? 'does not exchange the token of the caller'
    : 'does not issue a token to the gateway'
  const message = `The authorization server of ${name} ${what}: ${refusalText(error, secrets)}`
  return new GatewayError(isOfCaller ? 'delegation_refused' : 'upstream_unavailable', message, { facts })
}

function refusalText(error: unknown, secrets: readonly string[]): string {
  const text =
    error instanceof ResponseBodyError
      ? [error.error, error.error_description].filter((part) => part !== undefined).join(', ')
      : error instanceof ConnectFailed
        ? error.message
        : 'it refuses the client of the gateway'
  const plain = secrets.reduce((left, secret) => left.replaceAll(secret, '…'), text)
  return redactText(plain).slice(0, MAX_TEXT).replaceAll(/\p{C}/gu, ' ')
}
