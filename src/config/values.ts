import { z } from 'zod'
import { isLoopback } from '../domain/loopback.ts'
import { TENANT_ID } from '../domain/principal.ts'

/** A kind of setting: how its text is read, and what is expected, for problems and documentation. */
export interface Kind<S extends TextSchema> {
  readonly schema: S
  readonly expected: string
  /** Whether the value must not be shown. */
  readonly isSecret?: boolean
}

/** A schema that reads the text of an environment variable. */
export type TextSchema = z.ZodType<unknown, string>

const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const

const INTEGER = /^[0-9]{1,15}$/
const HOST_NAME = /^(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)$/i
const HOST_ADDRESS = /^([0-9a-f.]*:[0-9a-f:.]*|[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)$/i

/** Whether a host to listen on means every address of the machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host)
}

function urlOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

/** Whether a text is an http or https URL without user name, password and fragment. */
export function isPlainUrl(text: string): boolean {
  const url = urlOf(text)
  return (
    url !== undefined && /^https?:$/.test(url.protocol) && `${url.username}${url.password}${url.hash}` === ''
  )
}

/** Keys and tokens must not travel over a connection that others can write to. */
function isTrustworthyUrl(text: string): boolean {
  const url = urlOf(text)
  return url !== undefined && isPlainUrl(text) && (url.protocol === 'https:' || isLoopback(url.hostname))
}

const PLAIN_URL = 'an http or https URL without user name, query and fragment'
const TRUSTWORTHY_URL = 'an https URL (http only on loopback) without user name, password and fragment'

/** An https URL, or an http URL on loopback, of at most 2048 characters. */
export const trustworthyUrl = z
  .string()
  .trim()
  .max(2048)
  .refine(isTrustworthyUrl, `expected ${TRUSTWORTHY_URL}`)
/** A tenant id. */
export const tenantId = z.string().regex(TENANT_ID, 'expected a tenant id: ^[a-z0-9][a-z0-9-]{0,62}$')
/** An asymmetric signature algorithm of a JWT (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2). */
export const algorithm = z.enum(ALGORITHMS)
/** Text of 1 to 256 characters, without spaces around it. */
export const shortText = z.string().trim().min(1).max(256)

/** Texts separated by commas, without spaces around them. */
export const items = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
)

/** A whole number within bounds, both included. */
export function integer(min: number, max: number): Kind<z.ZodType<number, string>> {
  return {
    schema: z.string().trim().regex(INTEGER).transform(Number).pipe(z.number().min(min).max(max)),
    expected: `an integer from ${min} to ${max}`,
  }
}

/** One of some words. */
export function oneOf<const T extends readonly [string, ...string[]]>(
  choices: T,
): Kind<z.ZodType<T[number], string>> {
  return {
    schema: z.string().trim().pipe(z.enum(choices)),
    expected:
      choices.length === 1
        ? `\`${choices[0]}\``
        : `one of ${choices.map((word) => `\`${word}\``).join(', ')}`,
  }
}

/** A TCP port; 0 lets the system choose one. */
export const port = integer(0, 65_535)

/** A TCP port; undefined for `off`. */
export const portOrOff = {
  schema: z.union([z.literal('off').transform(() => undefined), port.schema]),
  expected: `${port.expected}, or \`off\``,
}

/** An IP address or host name to listen on. */
export const hostAddress = {
  schema: z.string().trim().regex(HOST_ADDRESS),
  expected: 'an IP address or a host name',
}

/** The id of a Google Cloud project, with or without the domain of its organisation. */
export const projectId = {
  schema: z
    .string()
    .trim()
    .regex(/^([a-z0-9.-]{1,63}:)?[a-z][a-z0-9-]{0,62}$/),
  expected: 'a project id',
}

/** The id of a Firestore database. */
export const databaseId = {
  schema: z
    .string()
    .trim()
    .regex(/^(\(default\)|[a-z][a-z0-9-]{2,62})$/),
  expected: '`(default)` or a database id',
}

/** A path of the file system. */
export const path = {
  schema: z.string().refine((text) => !text.includes('\0')),
  expected: 'a path',
}

/** Up to 20 paths. */
export const pathList = {
  schema: items.pipe(z.array(path.schema).max(20)),
  expected: 'at most 20 paths separated by commas',
}

/** A URL under which clients reach the gateway, without slashes at its end. */
export const publicUrl = {
  schema: z
    .string()
    .trim()
    .max(2048)
    .refine((text) => isPlainUrl(text) && urlOf(text)?.search === '')
    .transform((text) => text.replace(/(?<!\/)\/+$/, '')),
  expected: PLAIN_URL,
}

/** A setting that is a `trustworthyUrl`. */
export const secureUrl = { schema: trustworthyUrl, expected: TRUSTWORTHY_URL }

/** A setting that is a `shortText`. */
export const words = { schema: shortText, expected: 'a string of 1 to 256 characters' }

/** A `shortText` that must not be shown. */
export const secretWords = { ...words, isSecret: true }

/** A secret that signs, as the Standard Webhooks have it. */
export const webhookSecret = {
  schema: z.string().regex(/^whsec_[A-Za-z0-9+/]{32,128}={0,2}$/),
  expected: '`whsec_` and 24 to 96 bytes in base64',
  isSecret: true,
}

/** Up to 100 words. */
export const wordList = {
  schema: items.pipe(z.array(shortText).max(100)),
  expected: 'at most 100 words separated by commas',
}

/** Scopes as OAuth writes them (RFC 6749 §3.3), apart from the comma, which separates them here. */
export const scopeList = {
  schema: z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter((scope) => scope !== ''))
    .pipe(z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/)).max(100)),
  expected: 'at most 100 scopes separated by commas or spaces',
}

/** The id of one tenant. */
export const tenant = {
  schema: z.string().trim().pipe(tenantId),
  expected: 'a tenant id (`^[a-z0-9][a-z0-9-]{0,62}$`)',
}

/** The ids of tenants, possibly none. */
export const tenantList = {
  schema: items.pipe(z.array(tenantId)),
  expected: 'tenant ids (`^[a-z0-9][a-z0-9-]{0,62}$`) separated by commas',
}

/** The ids of one or more tenants, or `*` for all. */
export const tenantListOrAll = {
  schema: z.union([z.literal('*'), items.pipe(z.array(tenantId).min(1))]),
  expected: `${tenantList.expected}, or \`*\` for all`,
}

/** The id of one tenant, or `*` for all. */
export const tenantOrAll = {
  schema: z.union([z.literal('*'), tenant.schema]),
  expected: `${tenant.expected}, or \`*\` for all`,
}

/** Host names as a `Host` header has them, in lower case and without ports. */
export const hostList = {
  schema: items.pipe(z.array(z.string().toLowerCase().regex(HOST_NAME)).min(1)),
  expected: 'host names without scheme and port, separated by commas (IPv6 in brackets)',
}

/** One or more signature algorithms. */
export const algorithmList = {
  schema: items.pipe(z.array(algorithm).min(1)),
  expected: `signature algorithms separated by commas, of ${ALGORITHMS.join(', ')}`,
}

/** A key of 32 bytes, in hexadecimal. */
export const digestKey = {
  schema: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits'),
  expected: '64 hex digits',
  isSecret: true,
}
