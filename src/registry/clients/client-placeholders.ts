import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'

/** A part of a client's configuration that the client would fill in, and the gateway does not. */
export interface ClientPlaceholder {
  /** As in `env.TOKEN` or `args[2]`. */
  readonly place: string
  /** As it is written, for example `${input:token}`. */
  readonly text: string
  /** What it is called: `token`. */
  readonly name: string
}

/** `${NAME}`, `${env:NAME}`, `${input:id}`, `${NAME:-fallback}`; and `$NAME` where that is all. */
const PLACEHOLDER = /\$\{(?:(?:env|input):)?([^{}:]{1,200})(?::-([^{}]{0,1000}))?\}|^\$([A-Za-z_]\w{0,199})$/g
/** What an import of a server.json leaves for something to be filled in. */
const MISSING = /^<[^<>]{1,200}>$/

/**
 * A document with its placeholders filled from `values`, or with the defaults that they have; what is left is listed.
 */
export function fillPlaceholders(
  document: JsonObject,
  values: Readonly<Record<string, string>>,
): { readonly document: JsonObject; readonly missing: ClientPlaceholder[] } {
  const missing: ClientPlaceholder[] = []
  const fill = (value: unknown, place: string): unknown => {
    if (typeof value === 'string') {
      return value.replace(PLACEHOLDER, (text, braced?: string, fallback?: string, bare?: string) => {
        const name = braced ?? bare ?? ''
        if (Object.hasOwn(values, name)) return values[name] ?? ''
        if (fallback !== undefined) return fallback
        missing.push({ place, text, name })
        return text
      })
    }
    if (Array.isArray(value)) return value.map((item, index) => fill(item, `${place}[${index}]`))
    if (!isJsonObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [
        key,
        fill(member, place === '' ? key : `${place}.${key}`),
      ]),
    )
  }
  const filled = fill(document, '')
  return { document: isJsonObject(filled) ? filled : document, missing }
}

/** A header of a bearer token that is a secret: a reference to one must be a whole value. */
const BEARER_SECRET = /^bearer +(secret:\/\/\S+)$/i

/** The document with `auth` in place of an `Authorization` header whose bearer token is a reference to a secret. */
export function withBearerAuth(document: JsonObject): JsonObject {
  const { headers, auth } = document
  if (!isJsonObject(headers) || auth !== undefined) return document
  const name = Object.keys(headers).find((each) => each.toLowerCase() === 'authorization') ?? ''
  const [, token] = BEARER_SECRET.exec(String(headers[name])) ?? []
  if (token === undefined) return document
  const others = Object.entries(headers).filter(([each]) => each !== name)
  const rest = others.length === 0 ? undefined : Object.fromEntries(others)
  const { headers: _headers, ...kept } = document
  return { ...kept, ...(rest !== undefined && { headers: rest }), auth: { kind: 'bearer', token } }
}

/** Whether a document waits for something to be filled in. */
export function isUnfilled(document: JsonObject): boolean {
  const { env, headers, args, url } = document
  return (
    isMissing([env, headers, args, url]) ||
    fillPlaceholders({ env, headers, args, url }, {}).missing.length > 0
  )
}

function isMissing(value: unknown): boolean {
  if (typeof value === 'string') return MISSING.test(value)
  if (Array.isArray(value)) return value.some(isMissing)
  return isJsonObject(value) && Object.values(value).some(isMissing)
}
