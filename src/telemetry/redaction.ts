import { isNativeError } from 'node:util/types'
import { pino } from 'pino'
import { withoutTokens } from './token-text.ts'

/** What log lines have in place of a secret. */
export const CENSORED = '[redacted]'
const MAX_DEPTH = 8
const MAX_ITEMS = 200

/** Names, in lower case without `-` and `_`, whose values never reach a log line. */
const SECRET = new Set([
  'accesstoken',
  'apikey',
  'argumentstext',
  'authorization',
  'bearer',
  'clientsecret',
  'cookie',
  'credentials',
  'idtoken',
  'jwt',
  'passwd',
  'password',
  'privatekey',
  'proxyauthorization',
  'refreshtoken',
  'secret',
  'setcookie',
  'token',
  'xapikey',
])
/** Names whose members may be secrets under any name: their values go, their names stay. */
const OF_SECRETS = new Set(['headers', 'env'])
const BEARER = /\b(?<=bearer\s{1,8})[\w.~+/=-]{16,}/gi

/** The same for what is bound to a child logger, which pino redacts by path only. */
export const SECRET_PATHS = [
  'token',
  'authorization',
  'cookie',
  'password',
  'secret',
  'headers.*',
  'env.*',
].flatMap((path) => [path, `*.${path}`])

/** A copy of what is logged, without the values of secret names at any depth; errors become plain objects. */
export function redact(value: object): Record<string, unknown> {
  return redactMembers(value, 0)
}

/** A text without the tokens that it quotes, in time that grows with its length alone. */
export function redactText(line: string): string {
  return withoutTokens(line, CENSORED).replace(BEARER, CENSORED)
}

/** Whether the value of a member of that name is a secret. */
export function isSecretName(name: string): boolean {
  return SECRET.has(name.toLowerCase().replace(/[-_]/g, ''))
}

function redactMembers(value: object, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(value)) copy[name] = redactMember(name, member, depth)
  return copy
}

function redactMember(name: string, member: unknown, depth: number): unknown {
  const plainName = name.toLowerCase().replace(/[-_]/g, '')
  if (member === undefined || member === null) return member
  if (SECRET.has(plainName)) return CENSORED
  if (OF_SECRETS.has(plainName)) return censorAll(member)
  return redactValue(member, depth + 1)
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH) return '[too deep]'
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => redactValue(item, depth + 1))
  if (value instanceof Error || isNativeError(value)) {
    return redactMembers(pino.stdSerializers.err(value), depth)
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') return value
  return redactMembers(value, depth)
}

function censorAll(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return CENSORED
  return Object.fromEntries(Object.keys(value).map((name) => [name, CENSORED]))
}
