import { LOCAL_ISSUER } from '../../identity/local-names.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { OwnToken } from './own-token.ts'

/** What may stand in a command that somebody pastes into a shell. */
const PLAIN = /^[\w.:-]+$/

/** What a request was sent with. */
export interface SentToken {
  readonly token: string | undefined
  /** Set where the token was made here, or should have been. */
  readonly own: OwnToken | undefined
  readonly env: NodeJS.ProcessEnv
}

/** What the person at the command line can do about a refused token; empty where nothing is known. */
export function adviceFor(status: number, told: string, sent: SentToken): string {
  if (status === 403) return adviceForRole(told, sent)
  if (status !== 401) return ''
  const { token, own } = sent
  if (token === undefined) {
    const why =
      own !== undefined && 'reason' in own ? ` No token was created automatically: ${own.reason}.` : ''
    return `Give a token with --token or TOOL_GATEWAY_TOKEN; see: ${programOf(sent.env)} token --help.${why}`
  }
  if (own !== undefined && 'keyFile' in own) {
    return `The token was created here with the key ${own.keyFile}, which is not the key of this gateway: set DATA_DIR to its data directory, or give a token with --token or TOOL_GATEWAY_TOKEN.`
  }
  const claims = claimsOf(token)
  if (!isLocal(claims)) return 'Get a new one from the same issuer.'
  if (/expired/i.test(told)) return `Make a new one: ${tokenCommand(sent.env, rolesOf(claims), claims)}`
  return `It was made with the key of another gateway: create one where DATA_DIR is the data directory of this gateway (${tokenCommand(sent.env, rolesOf(claims), claims)}).`
}

function adviceForRole(told: string, { token, env }: SentToken): string {
  const role = /needs the role ([\w.:-]+)/.exec(told)?.[1]
  if (role === undefined || token === undefined) return ''
  const claims = claimsOf(token)
  const roles = rolesOf(claims)
  const has = `The token has ${roles.length === 0 ? 'no role' : `the ${roles.length === 1 ? 'role' : 'roles'} ${roles.join(', ')}`}.`
  if (!isLocal(claims)) return `${has} Roles come from the issuer of the token.`
  return `${has} Make one that has it: ${tokenCommand(env, [...roles, role], claims)}`
}

/** How the command line was called, as far as it can be told. */
export function programOf(env: NodeJS.ProcessEnv): string {
  return env['npm_lifecycle_event'] === 'tg' ? 'npm run --silent tg --' : 'tool-gateway'
}

/** The roles in a token; nothing where it holds none that can be read. */
export function rolesIn(token: string): string[] {
  return rolesOf(claimsOf(token))
}

function tokenCommand(env: NodeJS.ProcessEnv, roles: readonly string[], claims: JsonObject): string {
  const tenant = claims['tenant_id']
  const isOther =
    typeof tenant === 'string' && PLAIN.test(tenant) && tenant !== (env['DEFAULT_TENANT'] || 'local')
  return `${programOf(env)} token${isOther ? ` --tenant ${tenant}` : ''}${roles.length === 0 ? '' : ` --roles ${roles.join(',')}`}`
}

function isLocal(claims: JsonObject): boolean {
  return claims['iss'] === LOCAL_ISSUER
}

function rolesOf(claims: JsonObject): string[] {
  const { roles }: { roles?: unknown } = claims
  const listed: unknown[] = Array.isArray(roles) ? roles : []
  return listed.filter((role): role is string => typeof role === 'string' && PLAIN.test(role))
}

/** What a token says, unchecked; nothing for a text that is not a token. */
export function claimsOf(token: string): JsonObject {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    return isJsonObject(claims) ? claims : {}
  } catch {
    return {}
  }
}
