import { isJsonObject, type JsonObject, jsonIn } from '../../src/domain/json/json.ts'
import type { Reply } from './world/send.ts'

const LONGEST = 300

/** An answer as one line: its status, and what it says. What differs from run to run is left out. */
export function shown({ status, text, headers, said: instead }: Reply): string {
  if (instead !== undefined) return instead.slice(0, LONGEST)
  if (text.startsWith('HTTP/1.')) return statusLines(text)
  const said = status === 0 ? 'no answer' : messageOf(text)
  const refusal = status === 401 && headers['www-authenticate'] === undefined ? ' WITHOUT A CHALLENGE' : ''
  return `${status === 0 ? '' : `${status} `}${said}${refusal}`.trim().slice(0, LONGEST)
}

/** The statuses of all answers that came over one connection. */
function statusLines(text: string): string {
  return [...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) => status).join(' ')
}

function messageOf(text: string): string {
  const value = jsonIn(text) ?? lastEvent(text)
  if (!isJsonObject(value)) return text.replaceAll(/\s+/g, ' ')
  if (value['jsonrpc'] === '2.0') return jsonRpc(value)
  if (typeof value['code'] === 'string') return problem(value)
  return JSON.stringify(value)
}

/** The last message of a stream of events. */
function lastEvent(text: string): unknown {
  const lines = text.match(/^data: ?\S[^\n]*/gm)?.map((line) => line.replace(/^data: ?/, ''))
  return jsonIn(lines?.at(-1) ?? '')
}

/** Members that all errors have, that differ from time to time, or that repeat the message. */
const USUAL = new Set([
  'type',
  'title',
  'status',
  'code',
  'detail',
  'retryable',
  'requestId',
  'retryAfterMs',
  'mismatch',
  'envelope',
])

/** A problem (RFC 9457): its code, and what is in it beside the members that all have. */
function problem(value: JsonObject): string {
  const { code, detail, title } = value
  const facts = Object.entries(value).filter(([name]) => !USUAL.has(name))
  return `${String(code)}: ${String(detail ?? title)}${factsOf(facts)}`
}

function jsonRpc({ id, result, error, method }: JsonObject): string {
  if (isJsonObject(error)) {
    const data = isJsonObject(error['data']) ? error['data'] : {}
    const facts = Object.entries(data).filter(([name]) => !USUAL.has(name))
    const code = typeof data['code'] === 'string' ? ` ${data['code']}` : ''
    return `${String(error['code'])}${code}: ${String(error['message'])}${factsOf(facts)}`
  }
  if (isJsonObject(result)) return `#${JSON.stringify(id)} ${JSON.stringify(withoutMeta(result))}`
  return String(method)
}

/** Of a result, without what the gateway adds to each. */
function withoutMeta(result: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(result).filter(([name]) => name !== '_meta' && name !== 'resultType'),
  )
}

function factsOf(facts: readonly (readonly [string, unknown])[]): string {
  return facts.length === 0 ? '' : ` ${JSON.stringify(Object.fromEntries(facts))}`
}
