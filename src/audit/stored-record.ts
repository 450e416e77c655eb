import { isPersonalTarget, type PendingRecord, type StoredRecord } from './usage-record.ts'

/**
 * The record as it is stored: the digest in the place of the arguments, and numbers that every store takes, because one
 * odd number must not keep a whole batch from being stored. Its fields are in the order in which they are hashed
 * (`recordText`).
 */
export function storedRecord(pending: PendingRecord, argumentsDigest: string): StoredRecord {
  // Field by field, which costs a tenth of copying what there is: every call has a record.
  const record = {
    id: pending.id,
    atMs: whole(pending.atMs),
    tenantId: pending.tenantId,
    agent: pending.agent,
    roles: pending.roles,
    face: pending.face,
    action: pending.action,
    target: pending.target,
    server: pending.server,
    instance: pending.instance,
    effect: pending.effect,
    ruleId: pending.ruleId,
    ruleDocument: pending.ruleDocument,
    outcome: pending.outcome,
    code: pending.code,
    durationMs: Number.isFinite(pending.durationMs) ? pending.durationMs : 0,
    requestBytes: whole(pending.requestBytes),
    responseBytes: whole(pending.responseBytes),
    subject: pending.subject,
    clientName: pending.clientName,
    address: pending.address,
    sessionId: pending.sessionId,
    requestId: pending.requestId,
    argumentsDigest,
    change: pending.change,
  }
  return isPersonalTarget(pending) ? withPersonalTarget(record) : record
}

/** The target among what is personal, behind the address. */
function withPersonalTarget({
  target,
  sessionId,
  requestId,
  argumentsDigest,
  change,
  ...rest
}: StoredRecord): StoredRecord {
  return { ...rest, target, sessionId, requestId, argumentsDigest, change }
}

function whole(value: number): number {
  return Number.isFinite(value) ? Math.round(value) : 0
}
