import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import type { StoredRecord } from './usage-record.ts'

/** A stored record, or which of its fields are not as they have to be. */
export type ReadRecord =
  | { readonly record: StoredRecord; readonly problem?: undefined }
  | { readonly record: undefined; readonly problem: string }

type Check = (value: unknown) => boolean

const text: Check = (value) => typeof value === 'string'
const number: Check = (value) => Number.isFinite(value)
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value)
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)

/** Written by hand, because the thread of the records loads it at each start, and a library of schemas is ten times as much. */
const FIELDS: Readonly<Record<keyof StoredRecord, Check>> = {
  id: (value) => typeof value === 'string' && value !== '',
  atMs: number,
  tenantId: text,
  subject: text,
  agent: orNull(text),
  face: text,
  sessionId: orNull(text),
  requestId: text,
  action: text,
  target: text,
  server: orNull(text),
  instance: orNull(text),
  effect: text,
  ruleId: text,
  outcome: text,
  code: orNull(text),
  durationMs: number,
  requestBytes: number,
  responseBytes: number,
  argumentsDigest: text,
  roles: optional((value) => Array.isArray(value) && value.every(text)),
  clientName: optional(orNull(text)),
  erasedBy: optional(text),
  commitment: optional(text),
  address: optional(orNull(text)),
  ruleDocument: optional(orNull(text)),
  change: optional(isJsonObject),
}

const CHECKS = Object.entries(FIELDS)

/** A stored record as it is read back. Words of a newer version pass; other fields are left out. */
export function readRecord(value: unknown): ReadRecord {
  if (!isJsonObject(value)) return { record: undefined, problem: 'it is not a JSON object' }
  const known: JsonObject = {}
  for (const [field] of CHECKS) if (value[field] !== undefined) known[field] = value[field]
  if (isRecord(known)) return { record: known }
  const wrong = CHECKS.filter(([field, isValid]) => !isValid(known[field]))
  return { record: undefined, problem: `not valid: ${wrong.map(([field]) => field).join(', ')}` }
}

function isRecord(value: JsonObject): value is JsonObject & StoredRecord {
  return CHECKS.every(([field, isValid]) => isValid(value[field]))
}
