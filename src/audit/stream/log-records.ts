import { VERSION } from '../../config/version.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { Checkpoint } from '../chain/checkpoint.ts'
import { recordText } from '../chain/record-text.ts'
import type { StoredRecord } from '../usage-record.ts'

const NANOS_PER_MS = 1_000_000n
const INFO = 9
const WARN = 13

/** A record as a log record of OTLP: its JSON as the body, and what is searched for as attributes. */
export function logRecordOf(record: StoredRecord): JsonObject {
  const { id, atMs, tenantId, subject, agent, roles, clientName, address, face, action, target, server } =
    record
  const { effect, ruleId, ruleDocument, outcome, code, requestId, durationMs } = record
  const attributes = {
    'audit.id': id,
    'audit.tenant': tenantId,
    'user.id': subject,
    'user.roles': roles,
    'audit.agent': agent,
    'audit.client.name': clientName,
    'client.address': address,
    'audit.face': face,
    'audit.action': action,
    'audit.target': target,
    'audit.server': server,
    'audit.effect': effect,
    'audit.rule': ruleId,
    'audit.rule.document': ruleDocument,
    'audit.outcome': outcome,
    'error.type': code,
    'audit.request.id': requestId,
    'audit.duration': durationMs,
  }
  return {
    ...times(atMs),
    severityNumber: outcome === 'denied' ? WARN : INFO,
    severityText: outcome === 'denied' ? 'WARN' : 'INFO',
    eventName: 'audit.record',
    body: { stringValue: recordText(record) },
    attributes: attributesOf(attributes),
  }
}

/** A checkpoint as a log record: kept there it shows later whether the end of a chain was cut off. */
export function checkpointLogRecord({ writer, seq, atMs, note }: Checkpoint): JsonObject {
  return {
    ...times(atMs),
    severityNumber: INFO,
    severityText: 'INFO',
    eventName: 'audit.checkpoint',
    body: { stringValue: note },
    attributes: attributesOf({ 'audit.writer': writer, 'audit.seq': seq }),
  }
}

/** The body of a request with log records. */
export function logsRequest(logRecords: readonly JsonObject[]): string {
  const resource = {
    attributes: attributesOf({ 'service.name': 'tool-gateway', 'service.version': VERSION }),
  }
  const scope = { name: 'tool-gateway.audit', version: VERSION }
  return JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords }] }] })
}

function times(atMs: number): JsonObject {
  const timeUnixNano = String(BigInt(Math.round(atMs)) * NANOS_PER_MS)
  return { timeUnixNano, observedTimeUnixNano: timeUnixNano }
}

function attributesOf(values: JsonObject): JsonObject[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === null || value === undefined ? [] : [{ key, value: anyValue(value) }],
  )
}

function anyValue(value: unknown): JsonObject {
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } }
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
  return { stringValue: String(value) }
}
