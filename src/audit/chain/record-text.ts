import { isJsonObject, jsonIn } from '../../domain/json/json.ts'
import { isPersonalTarget, type StoredRecord } from '../usage-record.ts'

/** Where the part of a record begins that may be erased. */
const PERSONAL_START = ',"subject":'
/** The last field that every record has in front of that. */
const PUBLIC_END = ',"responseBytes":'

/** The two parts of the text of a record, which are hashed apart so that one can be erased. */
export interface RecordParts {
  /** All fields that are nobody's, as members of a JSON object without its braces. */
  readonly open: string
  /** The fields that say who it was, or what a person wrote, likewise; undefined when they were erased. */
  readonly personal: string | undefined
  /** What stands for the personal part once it is erased. */
  readonly erased?: Erased
}

/** What is left of the personal part of a record. */
export interface Erased {
  /** The hash of what was there. */
  readonly commitment: string
  /** The record of the erasure. */
  readonly by: string
}

/** The JSON text of a record in the order in which it is hashed: first what is nobody's, then what is personal. */
export function recordText(record: StoredRecord): string {
  const { id, atMs, tenantId, agent, roles, face, action, target, server, instance, effect } = record
  const { ruleId, ruleDocument, outcome, code, durationMs, requestBytes, responseBytes } = record
  const {
    subject,
    clientName,
    address,
    sessionId,
    requestId,
    argumentsDigest,
    change,
    erasedBy,
    commitment,
  } = record
  const isPersonal = isPersonalTarget(record)
  const start = { id, atMs, tenantId, agent, roles, face, action, ...(!isPersonal && { target }) }
  const decided = { server, instance, effect, ruleId, ruleDocument, outcome, code }
  const sizes = { durationMs, requestBytes, responseBytes }
  const rest = { sessionId, requestId, argumentsDigest, change, erasedBy, commitment }
  const who = { subject, clientName, address, ...(isPersonal && { target }) }
  return JSON.stringify({ ...start, ...decided, ...sizes, ...who, ...rest })
}

/** The parts of the text of a record; undefined for a text that has another order, or is none. */
export function partsOf(text: string): RecordParts | undefined {
  const at = text.indexOf(PERSONAL_START)
  const end = text.indexOf(PUBLIC_END)
  if (!text.startsWith('{') || !text.endsWith('}') || end === -1 || at < end) return undefined
  const open = text.slice(1, at)
  const personal = text.slice(at + 1, -1)
  const erased = personal.includes('"erasedBy":') ? erasedIn(text) : undefined
  return erased === undefined ? { open, personal } : { open, personal: undefined, erased }
}

/** A record without its personal part, for which its commitment stands. */
export function erasedRecord(record: StoredRecord, { commitment, by }: Erased): StoredRecord {
  const { clientName: _name, address: _address, change: _change, ...left } = record
  const target = isPersonalTarget(record) ? '' : record.target
  return {
    ...left,
    subject: '',
    target,
    sessionId: null,
    requestId: '',
    argumentsDigest: '',
    erasedBy: by,
    commitment,
  }
}

/** Only what `erasedRecord` makes: a record that has more beside it was not erased. */
function erasedIn(text: string): Erased | undefined {
  const value = jsonIn(text)
  if (!isJsonObject(value) || value['subject'] !== '') return undefined
  const { commitment, erasedBy } = value
  if (typeof commitment !== 'string' || typeof erasedBy !== 'string') return undefined
  return { commitment, by: erasedBy }
}
