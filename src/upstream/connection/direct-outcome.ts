import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { type RawObject, rawAnswerIn } from '../../domain/json/raw-object.ts'
import { withoutByteOrderMark } from '../../domain/text/byte-order-mark.ts'
import { meantId } from '../messages/message-id.ts'
import { answerId, ResponseTooLarge } from '../messages/oversized-message.ts'
import { isRpcError, withoutNulls } from '../messages/raw-results.ts'
import { UNREADABLE } from '../messages/requests-in-flight.ts'

/** What came of a request. */
export type Outcome =
  | {
      readonly result: RawObject | JsonObject
      /** Whether its value takes so much memory that there should not be many at the same time. */
      readonly isHeavy?: boolean
    }
  | { readonly failure: Error }

/** Of a result, as `JsonWeight` adds it up; some megabytes of memory as a value. */
const HEAVY = 20_000

/** What a text is as JSON, without the byte order mark, as `fetch` reads it; undefined if it is not JSON. */
export function messageIn(text: string): unknown {
  try {
    return withoutNulls(JSON.parse(withoutByteOrderMark(text)))
  } catch {
    return undefined
  }
}

/** The outcome that an answer tells. One with both a result and an error is neither. */
export function outcomeOf({ error, result }: JsonObject): Outcome {
  if (isRpcError(error) && result === undefined)
    return { failure: rpcFailure(error.code, error.message, error.data) }
  const isResult = isJsonObject(result) && error === undefined && isMeta(result['_meta'])
  return isResult ? { result } : unreadable()
}

/** For what cannot be read as an answer. */
export function unreadable(): { readonly failure: Error } {
  return { failure: rpcFailure(0, 'no response', UNREADABLE) }
}

/** For what would take too much memory as a value. */
export function tooHeavy(): { readonly failure: Error } {
  return { failure: new ResponseTooLarge('the message has too many members') }
}

/** Whether text that is not read as JSON stands in the place of the answer, and not of another message. */
export function looksLikeAnswer(bytes: Buffer, id: number): boolean {
  const head = bytes.toString('latin1', 0, 512)
  const tail = bytes.toString('latin1', Math.max(0, bytes.length - 256))
  return meantId(answerId(head, tail, () => id)) === id
}

/** The SDK accepts no other. */
function isMeta(meta: unknown): boolean {
  return meta === undefined || isJsonObject(meta)
}

/** The outcome that a large message plainly is for the request of that id; undefined for every other one. */
export function largeOutcome(chunks: readonly Buffer[], id: number): Outcome | undefined {
  const raw = rawAnswerIn(chunks)
  if (raw === undefined || meantId(raw.id) !== id) return undefined
  return isMeta(raw.result.get('_meta')) ? { result: raw.result, isHeavy: raw.weight > HEAVY } : unreadable()
}

/** Whether a value is the answer to the request of that id. */
export function isAnswerTo(value: unknown, id: number): boolean {
  return isJsonObject(value) && !('method' in value) && meantId(value['id']) === id
}

/** An error in the form in which the SDK reports the JSON-RPC error of a server. */
export function rpcFailure(code: number, message: string, data: unknown): Error {
  return Object.assign(new Error(message), { code, ...(data !== undefined && { data }) })
}
