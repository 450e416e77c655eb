import { z } from 'zod'
import type { StoredRecord } from './usage-record.ts'

const word = <T extends string>(): z.ZodCustom<T, T> => z.custom<T>((value) => typeof value === 'string')

/** A stored record as it is read back. Words of a newer version pass; other fields are left out. */
export const storedRecordSchema: z.ZodType<StoredRecord> = z.object({
  id: z.string().min(1),
  atMs: z.number(),
  tenantId: z.string(),
  subject: z.string(),
  agent: z.string().nullable(),
  face: word<StoredRecord['face']>(),
  sessionId: z.string().nullable(),
  requestId: z.string(),
  action: word<StoredRecord['action']>(),
  target: z.string(),
  server: z.string().nullable(),
  instance: z.string().nullable(),
  effect: word<StoredRecord['effect']>(),
  ruleId: word<StoredRecord['ruleId']>(),
  outcome: word<StoredRecord['outcome']>(),
  code: word<NonNullable<StoredRecord['code']>>().nullable(),
  durationMs: z.number(),
  requestBytes: z.number(),
  responseBytes: z.number(),
  argumentsDigest: z.string(),
  roles: z.array(z.string()).optional(),
  clientName: z.string().nullable().optional(),
  erasedBy: z.string().optional(),
  commitment: z.string().optional(),
  address: z.string().nullable().optional(),
  ruleDocument: z.string().nullable().optional(),
  change: z.record(z.string(), z.unknown()).optional(),
})
