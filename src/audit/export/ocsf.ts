import { VERSION } from '../../config/version.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { ChainEntry } from '../chain/chain-entries.ts'
import type { StoredRecord } from '../usage-record.ts'

/** Version of the Open Cybersecurity Schema Framework whose attributes these are. */
const SCHEMA = '1.3.0'
/** Class API Activity, in the category Application Activity. */
const CATEGORY = 6
const CLASS = 6003
const ACTIVITIES = { create: 1, read: 2, update: 3, remove: 4, other: 99 } as const
const ACTIVITY_OF: Readonly<Record<string, keyof typeof ACTIVITIES>> = {
  list: 'read',
  read: 'read',
  get: 'read',
  subscribe: 'read',
  complete: 'read',
  create: 'create',
  install: 'create',
  replace: 'update',
  remove: 'remove',
  erase: 'remove',
  revoke: 'remove',
}
const SUCCEEDED = new Set(['ok', 'changed'])

/** A record as an event of OCSF. What the schema has no attribute for is in `unmapped`. */
export function ocsfEvent(record: StoredRecord, entry: ChainEntry): JsonObject {
  const activity = ACTIVITIES[ACTIVITY_OF[record.action.split('.').at(-1) ?? ''] ?? 'other']
  const isSuccess = SUCCEEDED.has(record.outcome)
  return {
    class_uid: CLASS,
    class_name: 'API Activity',
    category_uid: CATEGORY,
    category_name: 'Application Activity',
    activity_id: activity,
    activity_name: record.action,
    type_uid: CLASS * 100 + activity,
    time: record.atMs,
    duration: Math.round(record.durationMs),
    severity_id: record.outcome === 'denied' ? 2 : 1,
    status_id: isSuccess ? 1 : 2,
    status: isSuccess ? 'Success' : 'Failure',
    status_detail: record.outcome,
    ...(record.code !== null && { status_code: record.code }),
    metadata: {
      version: SCHEMA,
      uid: record.id,
      tenant_uid: record.tenantId,
      correlation_uid: record.requestId,
      product: { name: 'Tool Gateway', vendor_name: 'Tool Gateway', version: VERSION },
    },
    actor: actorOf(record),
    src_endpoint: {
      ...(record.address ? { ip: record.address } : { name: 'unknown' }),
      interface_name: record.face,
    },
    api: {
      operation: record.action,
      service: { name: record.server ?? 'gateway' },
      request: { uid: record.requestId },
      ...(record.code !== null && { response: { error: record.code } }),
    },
    resources: [{ name: record.target, type: record.outcome === 'changed' ? 'configuration' : 'capability' }],
    unmapped: unmappedOf(record, entry),
  }
}

function actorOf({ subject, roles, agent, clientName, sessionId }: StoredRecord): JsonObject {
  return {
    user: { uid: subject, ...(roles !== undefined && { groups: roles.map((name) => ({ name })) }) },
    ...(agent !== null && { app_uid: agent }),
    ...(clientName && { app_name: clientName }),
    ...(sessionId !== null && { session: { uid: sessionId } }),
  }
}

function unmappedOf(record: StoredRecord, entry: ChainEntry): JsonObject {
  const { effect, ruleId, ruleDocument, instance, requestBytes, responseBytes, argumentsDigest, change } =
    record
  const decided = { effect, rule: ruleId, rule_document: ruleDocument ?? null }
  const sizes = { request_bytes: requestBytes, response_bytes: responseBytes }
  const chain =
    entry.kind === 'record' ? { writer: entry.writer, seq: entry.seq, hash: entry.hash } : undefined
  return {
    ...decided,
    instance,
    ...sizes,
    arguments_digest: argumentsDigest,
    ...(change !== undefined && { change: JSON.stringify(change) }),
    ...(chain !== undefined && { chain }),
  }
}
