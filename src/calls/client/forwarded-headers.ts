import {
  type HttpServerDefinition,
  isHttp,
  type ServerDefinition,
  urlsOf,
} from '../../domain/documents/server-definition.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isTokenFor } from '../../identity/audience.ts'
import type { Caller } from '../call.ts'

/** More than servers accept in one header. */
const MAX_VALUE = 8192
const SENDABLE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Whether a server gets headers of callers. */
export function forwardsHeaders(server: ServerDefinition): server is HttpServerDefinition {
  return isHttp(server) && server.forwardHeaders !== undefined
}

/**
 * The headers of a caller that a server gets with the call; undefined where its document names none.
 * @throws GatewayError `delegation_refused` when the token was not issued for the server, too
 */
export function forwardedHeaders(
  server: ServerDefinition,
  { presented }: Pick<Caller, 'presented'>,
): Record<string, string> | undefined {
  if (!forwardsHeaders(server)) return undefined
  const names = server.forwardHeaders ?? []
  if (names.includes('authorization')) checkAudience(server, presented?.token)
  const given = names.flatMap((name): [string, string][] => {
    const value = presented?.header(name)
    return value === undefined || value.length > MAX_VALUE || !SENDABLE.test(value) ? [] : [[name, value]]
  })
  return Object.fromEntries(given)
}

/** A token is sent only to those that it was issued for (RFC 8707 §2). */
function checkAudience(server: HttpServerDefinition, token: string | undefined): void {
  const { name } = server
  if (token !== undefined && urlsOf(server).every((each) => isTokenFor(token, each))) return
  throw new GatewayError(
    'delegation_refused',
    `The token of the caller does not name ${name} as its audience, so it is not passed on`,
    { facts: { server: name, mayHaveExecuted: false } },
  )
}
