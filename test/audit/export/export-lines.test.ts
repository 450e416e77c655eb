import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { verifyChains } from '../../../src/audit/chain/verify.ts'
import type { Verification } from '../../../src/audit/chain/findings.ts'
import { entryIn } from '../../../src/audit/export/export-file.ts'
import { exportLines, type ExportPlan } from '../../../src/audit/export/export-lines.ts'
import { usageBy } from '../../../src/audit/export/usage.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { AT, ChainedDatabase, SIGNER } from '../chain/chained.ts'

let dir: Awaited<ReturnType<typeof temporaryDirectory>>
let database: ChainedDatabase

beforeAll(async () => {
  dir = await temporaryDirectory()
  database = new ChainedDatabase(dir.path)
  database.fill(1, 40, (seq) => ({
    tenantId: seq % 4 === 0 ? 'globex' : 'acme',
    subject: seq % 2 === 0 ? 'ada' : 'b=b|ob\\\n',
    target: seq === 9 ? 'a\r\n\u001b[2J\u0085\u2028\u202e\ud800=z' : `files_${seq % 3}`,
    roles: ['reader'],
    clientName: 'claude-code',
    address: '10.0.0.7',
    outcome: seq % 10 === 1 ? 'denied' : seq === 7 ? 'changed' : 'ok',
    ...(seq === 7 && { action: 'server.replace', change: { fields: [{ field: 'url' }] } }),
  }))
})

afterAll(async () => {
  database.close()
  await dir[Symbol.asyncDispose]()
})

async function linesOf(plan: Partial<ExportPlan> = {}): Promise<string[]> {
  const whole = {
    filter: {},
    format: 'jsonl' as const,
    keys: [SIGNER.verifierKey],
    nowMs: AT + 600_000,
    ...plan,
  }
  const lines: string[] = []
  for await (const line of exportLines(database.entries(), whole)) lines.push(line)
  return lines
}

function verifiedLines(lines: readonly string[]): Promise<Verification> {
  const entries = lines.slice(1).flatMap((line) => entryIn(line) ?? [])
  return verifyChains(entries, { verifierKeys: [SIGNER.verifierKey], nowMs: AT + 600_000, isExport: true })
}

test('an export of everything is verified by its lines alone', async () => {
  const lines = await linesOf()
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    type: 'export',
    version: 1,
    exportedAt: '2026-01-01T00:10:00.000Z',
    keys: [SIGNER.verifierKey],
  })
  expect(await verifiedLines(lines)).toEqual(
    expect.objectContaining({ records: 40, findings: [], notes: [] }),
  )
})

test.each([
  ['a time', { from: AT + 120_000, to: AT + 150_000 }, 3],
  ['a tenant', { tenantId: 'globex' }, 10],
  ['a person', { tenantId: 'acme', subject: 'ada' }, 10],
  ['nothing that is there', { tenantId: 'nobody' }, 0],
])('an export of %s is verified, and has nothing else', async (_what, filter, records) => {
  const lines = await linesOf({ filter })
  expect(await verifiedLines(lines)).toEqual(expect.objectContaining({ records, findings: [] }))
  expect(lines.filter((line) => line.includes('"type":"record"'))).toHaveLength(records)
})

test('a record that is taken out of an export of a part is missing', async () => {
  const lines = await linesOf({ filter: { tenantId: 'globex' } })
  const at = lines.findIndex((line) => line.includes('"r12"'))
  const { findings } = await verifiedLines([...lines.slice(0, at), ...lines.slice(at + 1)])
  expect(findings.map(({ fault, seq }) => [fault, seq])).toEqual([['deleted', 12]])
})

test('events of OCSF say who did what, where and how it ended', async () => {
  const [line = ''] = (await linesOf({ format: 'ocsf' })).slice(10)
  expect(JSON.parse(line)).toEqual(
    expect.objectContaining({
      class_uid: 6003,
      category_uid: 6,
      activity_id: 99,
      type_uid: 600_399,
      time: AT + 110_000,
      severity_id: 2,
      status_id: 2,
      status_detail: 'denied',
      actor: {
        user: { uid: 'b=b|ob\\\n', groups: [{ name: 'reader' }] },
        app_uid: 'planner',
        app_name: 'claude-code',
      },
      src_endpoint: { ip: '10.0.0.7', interface_name: 'rest' },
      metadata: expect.objectContaining({ uid: 'r11', tenant_uid: 'acme', version: '1.3.0' }),
    }),
  )
})

test('lines of CEF escape what would begin another field', async () => {
  const lines = await linesOf({ format: 'cef' })
  expect(lines[0]).toMatch(
    /^CEF:0\|Tool Gateway\|tool-gateway\|[\d.]+\|call\|call denied\|5\|rt=1767225610000 externalId=r1 act=allow outcome=failure suser=b\\=b\|ob\\\\\\n spriv=reader src=10\.0\.0\.7 /,
  )
  expect(lines[6]).toContain('|server.replace|server.replace changed|3|')
  expect(lines.join('')).not.toContain('\n')
})

test('lines of CEF have codes for characters that end a line, steer a terminal, or are not to be seen', async () => {
  const lines = await linesOf({ format: 'cef' })
  expect(lines[8]).toContain(String.raw` request=a\r\n<U+001B>[2J<U+0085><U+2028><U+202E><U+D800>\=z in=`)
})

test('use is summed up by what is asked for, calls only', async () => {
  const [most] = await usageBy(database.entries(), 'tenant', {})
  expect(most).toEqual({
    tenantId: 'acme',
    name: 'acme',
    calls: 29,
    failed: 0,
    denied: 4,
    requestBytes: 580,
    responseBytes: 8700,
  })
  const tools = await usageBy(database.entries(), 'tool', { tenantId: 'globex' })
  expect(tools.map(({ name, calls }) => [name, calls])).toEqual([
    ['files_1', 4],
    ['files_2', 3],
    ['files_0', 3],
  ])
})
