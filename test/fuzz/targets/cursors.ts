import { decodeCursor, encodeCursor } from '../../../src/audit/cursor.ts'
import type { AuditQuery } from '../../../src/audit/audit-store.ts'
import { pageOf, type PagedList } from '../../../src/catalog/page.ts'
import type { CatalogItem } from '../../../src/catalog/server-catalog.ts'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import { principal } from '../../support/offers.ts'
import { broken, choiceIn, type Target } from '../target.ts'

const LIST: PagedList = { principal: principal(), list: 'tools/list', scope: undefined }
const OTHER: PagedList = { ...LIST, principal: principal({ subject: 'bob' }) }
const KEY = Buffer.alloc(32, 7)
const QUERY = { tenantId: 'acme', limit: 10 } as AuditQuery
const FEW = itemsOf(['a', 'b', 'c'])
const ISSUED = pageOf(FEW, undefined, 1, LIST).nextCursor ?? ''
const SEALED = encodeCursor(KEY, QUERY, { atMs: 1_700_000_000_000, id: 'c-00000001' })

/** The cursors of lists and of records. */
export const cursors: Target = {
  name: 'cursors',
  guarantee:
    'pages lead through every list once, and a cursor that was not issued for it is refused, or shows a part of it',
  code: ['catalog/page.ts', 'audit/cursor.ts'],
  seeds: [
    `\u0001${ISSUED}`,
    `\u0001${SEALED}`,
    '\0a\nb\nc\nd',
    '\u0002a\n\u00e9\n__proto__',
    `\u0001${Buffer.from('["x",1]').toString('base64url')}`,
  ],
  words: [
    '\n',
    ISSUED,
    SEALED,
    ISSUED.slice(0, 30),
    ISSUED.slice(30),
    Buffer.from(',1e9]').toString('base64url'),
    Buffer.from(',-1]').toString('base64url'),
    '=',
    '\ud800'.slice(0, 1),
  ],
  check(input) {
    const { choice, rest } = choiceIn(input)
    if (choice % 2 === 0) checkWalk(rest.toString('latin1').split('\n'), 1 + (choice >> 1))
    else checkForged(rest.toString('latin1'))
  },
}

function itemsOf(names: readonly string[]): CatalogItem[] {
  const sorted = [...new Set(names)].toSorted((a, b) => (a < b ? -1 : 1))
  return sorted.map((name) => ({ server: 'acme/s', serverName: 's', name, shownAs: name, listed: {} }))
}

function checkWalk(names: readonly string[], limit: number): void {
  const items = itemsOf(names)
  const seen: CatalogItem[] = []
  let cursor: string | undefined
  for (let page = 0; page <= items.length; page += 1) {
    const { items: some, nextCursor } = pageOf(items, cursor, limit, LIST)
    seen.push(...some)
    cursor = nextCursor
    if (cursor === undefined) break
    if (cursor.length > 1024) broken('a cursor does not fit into a URL')
    if (opened(() => pageOf(items, nextCursor, limit, OTHER)) !== undefined)
      broken('a cursor of somebody else was taken')
  }
  if (cursor !== undefined) broken('the pages have no end')
  if (seen.map(({ name }) => name).join('\n') !== items.map(({ name }) => name).join('\n'))
    broken('the pages are not the list')
}

function checkForged(cursor: string): void {
  const page = opened(() => pageOf(FEW, cursor, 2, LIST))
  if (page?.items.some((item) => !FEW.includes(item)) === true) broken('a page holds what the list does not')
  const position = opened(() => decodeCursor([KEY], QUERY, cursor))
  if (position !== undefined && (position.atMs !== 1_700_000_000_000 || position.id !== 'c-00000001'))
    broken('a cursor that was never made was taken')
}

function opened<T>(open: () => T): T | undefined {
  try {
    return open()
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'invalid_cursor') return undefined
    throw thrown
  }
}
