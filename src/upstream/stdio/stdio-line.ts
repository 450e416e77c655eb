import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/client'
import { isJsonObject } from '../../domain/json/json.ts'
import { withoutByteOrderMark } from '../../domain/text/byte-order-mark.ts'
import { responseId } from '../messages/oversized-message.ts'

/** Enough of a line to find the id of the response that it was to be. */
const ENDS_LENGTH = 256

/** What a line of a process's standard output is: a message, a response that cannot be read, or something else. */
export type StdioLine =
  | { readonly kind: 'message'; readonly message: JSONRPCMessage }
  | { readonly kind: 'unreadable'; readonly id: RequestId }
  | { readonly kind: 'other' }

/** Reads one line; some programs begin each with a byte order mark. */
export function readLine(text: string): StdioLine {
  const line = withoutByteOrderMark(text)
  const value = parsed(line)
  if (isMessage(value)) return { kind: 'message', message: value }
  const id = value === undefined ? brokenResponseId(line) : oddResponseId(value)
  return id === undefined ? { kind: 'other' } : { kind: 'unreadable', id }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** Told by its envelope alone: whether the rest fits is decided where the message is used. */
function isMessage(value: unknown): value is JSONRPCMessage {
  return isJsonObject(value) && value['jsonrpc'] === '2.0'
}

/** Of a response with `NaN`, say, or one that was cut. */
function brokenResponseId(line: string): RequestId | undefined {
  const head = line.slice(0, ENDS_LENGTH)
  return responseId(head, undefined) ?? responseId(head, line.slice(-ENDS_LENGTH))
}

/** Of a response that does not say that it is JSON-RPC 2.0. */
function oddResponseId(value: unknown): RequestId | undefined {
  if (!isJsonObject(value) || !('result' in value || 'error' in value)) return undefined
  const { id } = value
  return typeof id === 'string' || typeof id === 'number' ? id : undefined
}
