import {
  parseSecretReference,
  type ResolveSecret,
  secretProblem,
  SecretRefused,
  secretsOf,
} from '../../domain/documents/secret-reference.ts'
import {
  type HttpServerDefinition,
  isHttp,
  type ServerDefinition,
  urlsOf,
} from '../../domain/documents/server-definition.ts'

/** More than servers accept in one header. */
const MAX_HEADER_LENGTH = 16_384
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Names of variables, headers and members of a query whose values are secrets. */
const SECRET_NAME = /key|token|secret|passw|credential|authorization|cookie/i
const SHORTEST_SECRET = 12

/** A server definition with the values of its secrets, for one connection. It must never be kept, logged or shown. */
export interface ServerWithSecrets {
  readonly server: ServerDefinition
  /** The values that were inserted, and those in the document whose names say that they are secrets. */
  readonly secrets: readonly string[]
}

/**
 * Replaces secret references by their values.
 * @throws SecretRefused if a secret is unavailable, belongs to another tenant, or cannot be sent where it is named
 */
export async function withSecrets(
  server: ServerDefinition,
  resolve: ResolveSecret,
): Promise<ServerWithSecrets> {
  const references = secretsOf(server)
  for (const reference of references) {
    const problem = secretProblem(reference.text, server.tenantId)
    if (problem !== undefined) throw new SecretRefused(reference, 'denied', 'it belongs to another tenant')
  }
  const literals = literalSecretsOf(server)
  if (references.length === 0) return { server, secrets: literals }
  const values = new Map(
    await Promise.all(
      references.map(async (reference) => [reference.text, await resolve(reference)] as const),
    ),
  )
  return { server: filledIn(server, values), secrets: [...new Set([...values.values(), ...literals])] }
}

/** Values that are written in the document under the name of a secret; short ones would garble results. */
function literalSecretsOf(server: ServerDefinition): string[] {
  if (server.transport === 'stdio') return named(Object.entries(server.env)).filter(isLong)
  if (!isHttp(server)) return []
  const { auth, headers } = server
  const inAuth =
    auth.kind === 'bearer' ? [auth.token] : auth.kind === 'headers' ? Object.values(auth.headers) : []
  return [...named(Object.entries(headers)), ...inAuth, ...inQueries(server)].filter(isLong)
}

/** Some servers take their key from the query of their address. */
function inQueries(server: HttpServerDefinition): string[] {
  return urlsOf(server).flatMap((url) => named(new URL(url).searchParams))
}

function named(values: Iterable<readonly [name: string, value: string]>): string[] {
  return [...values].flatMap(([name, value]) => (SECRET_NAME.test(name) ? [value] : []))
}

function isLong(value: string): boolean {
  return value.length >= SHORTEST_SECRET && parseSecretReference(value) === undefined
}

function filledIn(server: ServerDefinition, values: ReadonlyMap<string, string>): ServerDefinition {
  const valueOf = (value: string): string => {
    const reference = parseSecretReference(value)
    return (reference && values.get(reference.text)) ?? value
  }
  const headerOf = (value: string): string => sendable(value, valueOf(value))
  if (server.transport === 'stdio') return { ...server, env: mapped(server.env, valueOf) }
  if (!isHttp(server)) return server
  const { auth } = server
  return {
    ...server,
    headers: mapped(server.headers, headerOf),
    auth:
      auth.kind === 'bearer'
        ? { kind: 'bearer', token: headerOf(auth.token) }
        : auth.kind === 'headers'
          ? { kind: 'headers', headers: mapped(auth.headers, headerOf) }
          : auth,
  }
}

/** Checks the value first, because the error of `fetch` about an illegal header value repeats it. */
function sendable(reference: string, value: string): string {
  if (value.length <= MAX_HEADER_LENGTH && HEADER_VALUE.test(value)) return value
  throw new SecretRefused({ text: reference }, 'invalid', 'its value cannot be sent in a header')
}

function mapped(
  values: Readonly<Record<string, string>>,
  change: (value: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]))
}
