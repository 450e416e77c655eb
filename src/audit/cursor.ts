import { createHmac, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../domain/errors/errors.ts'
import type { AuditQuery } from './audit-store.ts'

/** Where a page ended. */
export interface Position {
  readonly atMs: number
  readonly id: string
}

const MAX_LENGTH = 512

/** A cursor for the page after `position`, good for this very query only. */
export function encodeCursor(key: Buffer, query: AuditQuery, { atMs, id }: Position): string {
  const position = `${atMs} ${id}`
  return Buffer.from(`${seal(key, query, position)} ${position}`).toString('base64url')
}

/**
 * Reads a cursor of that query.
 * @param keys one of which sealed it
 * @throws GatewayError `invalid_cursor`
 */
export function decodeCursor(keys: readonly Buffer[], query: AuditQuery, cursor: string): Position {
  const text = cursor.length > MAX_LENGTH ? '' : Buffer.from(cursor, 'base64url').toString('utf8')
  const [seals = '', atMs = '', id = ''] = text.split(' ')
  const given = Buffer.from(seals)
  const isSealed = keys.some((key) => {
    const expected = Buffer.from(seal(key, query, `${atMs} ${id}`))
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
  if (!isSealed) throw new GatewayError('invalid_cursor')
  return { atMs: Number(atMs), id }
}

function seal(key: Buffer, query: AuditQuery, position: string): string {
  const { tenantId, from, to, subject, target, server, outcome } = query
  const bound = JSON.stringify(['cursor', tenantId, from, to, subject, target, server, outcome, position])
  return createHmac('sha256', key).update(bound).digest('base64url')
}
