import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { signedCheckpoint } from '../../src/audit/chain/checkpoint.ts'
import { openSigningKeys } from '../../src/audit/chain/signing-keys.ts'
import { SqliteDatabase } from '../../src/audit/sqlite/sqlite-database.ts'
import { run } from '../../src/cli/program.ts'
import { damageRecords } from '../support/damaged-database.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { recordBytes, usageRecord } from '../support/usage-records.ts'

const NOW = Date.now()

let dir: Awaited<ReturnType<typeof temporaryDirectory>>

beforeEach(async () => {
  dir = await temporaryDirectory()
  await record(1, 20)
})

afterEach(async () => {
  await dir[Symbol.asyncDispose]()
})

/** What a gateway does. */
async function record(from: number, to: number): Promise<void> {
  const signers = await openSigningKeys({ dataDir: dir.path })
  const database = new SqliteDatabase(join(dir.path, 'audit.db'))
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index)
  const records = numbers.map((seq) =>
    usageRecord({ id: `r${seq}`, atMs: NOW - 60_000 + seq, subject: seq % 2 === 0 ? 'bob' : 'ada' }),
  )
  database.write(recordBytes(records))
  const head = database.chain.open(NOW)
  const statement = {
    ...head,
    beganMs: NOW - 100_000,
    atMs: NOW - 1000 + to,
    retentionDays: 90,
    isLast: true,
  }
  database.chain.addCheckpoint(signedCheckpoint(statement, signers))
  database.close()
}

async function tg(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const code = await run(argv, {
    env: { DATA_DIR: dir.path },
    print: (text) => void (out += text),
    printError: (text) => void (err += text),
  })
  return { code, out, err }
}

test('the records of an installation, and an export of them with the public key alone, are as they were written', async () => {
  expect(await tg('audit', 'verify')).toEqual({
    code: 0,
    out: expect.stringContaining('20 records are as they were written'),
    err: expect.stringContaining('checked with the key of this installation'),
  })
  const file = join(dir.path, 'export.jsonl')
  expect((await tg('audit', 'export', '--output', file)).code).toBe(0)
  const key = (await tg('audit', 'key')).out.trim()
  expect(key).toMatch(/^tool-gateway-audit\+[\da-f]{8}\+[\w+/=]{44}$/)
  expect(await tg('audit', 'verify', file, '--public-key', key)).toEqual({
    code: 0,
    out: expect.stringContaining('20 records are as they were written'),
    err: '',
  })
})

test('an export that somebody edited fails, and the record is named', async () => {
  const file = join(dir.path, 'export.jsonl')
  await tg('audit', 'export', '--output', file)
  const lines = (await readFile(file, 'utf8')).split('\n')
  lines[5] = lines[5]?.replace('"outcome":"ok"', '"outcome":"denied"') ?? ''
  await writeFile(file, lines.join('\n'))
  const { code, out } = await tg('audit', 'verify', file)
  expect(code).toBe(1)
  expect(out).toMatch(/^EDITED #5 r5 of .+: its content does not match its hash$/m)
})

test('a checkpoint that was kept shows that the end is gone', async () => {
  const file = join(dir.path, 'export.jsonl')
  await tg('audit', 'export', '--output', file)
  const note = join(dir.path, 'note')
  await writeFile(
    note,
    (JSON.parse((await readFile(file, 'utf8')).trim().split('\n').at(-1) ?? '') as { note: string }).note,
  )
  await writeFile(file, (await readFile(file, 'utf8')).split('\n').slice(0, 16).join('\n'))
  const { code, out } = await tg('audit', 'verify', file, '--checkpoint', note)
  expect(code).toBe(1)
  expect(out).toContain('TRUNCATED #16-20')
})

test('after a rotation those who know the first key verify what the second one signs', async () => {
  const first = (await tg('audit', 'key')).out.trim()
  const second = (await tg('audit', 'key', '--rotate')).out.trim()
  expect(second).not.toBe(first)
  await record(21, 30)
  expect(await tg('audit', 'verify', '--public-key', first)).toEqual(
    expect.objectContaining({ code: 0, out: expect.stringContaining('30 records are as they were written') }),
  )
})

test('an export of a person goes to the standard output, and its options are its own', async () => {
  const { out } = await tg('audit', 'export', '--subject', 'ada', '--format', 'cef')
  const lines = out.trim().split('\n')
  expect(lines).toHaveLength(10)
  expect(lines.every((line) => line.includes(' suser=ada '))).toBe(true)
})

test('use is summed up by person', async () => {
  const { out } = await tg('audit', 'usage', '--by', 'subject', '--json')
  expect(JSON.parse(out)).toEqual({
    by: 'subject',
    usage: [
      expect.objectContaining({ name: 'ada', calls: 10 }),
      expect.objectContaining({ name: 'bob', calls: 10 }),
    ],
  })
})

test.each([
  [['audit', 'verify', 'nothing-there'], 65, 'ENOENT'],
  [['audit', 'verify', '--public-key', 'no-key'], 64, 'is not a key of checkpoints'],
  [['audit', 'export', '--from', 'soon'], 64, 'expected a time'],
])('%j is refused with %d', async (argv, code, text) => {
  const refused = await tg(...argv)
  expect({ code: refused.code, err: refused.err }).toEqual({ code, err: expect.stringContaining(text) })
})

test('without records it says that there are none, and an export leaves no file', async () => {
  await using empty = await temporaryDirectory()
  let err = ''
  const context = {
    env: { DATA_DIR: empty.path },
    print: () => undefined,
    printError: (text: string) => void (err += text),
  }
  const none = `tool-gateway: there are no usage records: ${join(empty.path, 'audit.db')} does not exist\n`
  expect(await run(['audit', 'export'], context)).toBe(78)
  expect(await run(['audit', 'export', '--output', join(empty.path, 'new')], context)).toBe(78)
  expect(err).toBe(none + none)
  expect(await readdir(empty.path)).toEqual([])
})

test('an export that fails leaves no part of it, and one to a file that exists leaves that as it is', async () => {
  const file = join(dir.path, 'export.jsonl')
  await writeFile(file, 'mine')
  expect(await tg('audit', 'export', '--output', file)).toMatchObject({
    code: 65,
    err: expect.stringContaining(`${file} cannot be written: EEXIST`),
  })
  expect(await readFile(file, 'utf8')).toBe('mine')
  await damageRecords(join(dir.path, 'audit.db'))
  const other = join(dir.path, 'other.jsonl')
  expect(await tg('audit', 'export', '--output', other)).toMatchObject({
    code: 65,
    err: expect.stringMatching(/^tool-gateway: \/.*audit\.db is damaged/),
  })
  expect(await readdir(dir.path)).not.toContain('other.jsonl')
})

test.each([['verify'], ['export'], ['usage']])(
  'audit %s says of a damaged database which file it is, and exits with 65',
  async (command) => {
    const path = join(dir.path, 'audit.db')
    const about = expect.stringMatching(
      /^tool-gateway: \/.*\/audit\.db is damaged \(.+\): put a backup in its place, see docs\/backup\.md$/m,
    )
    await damageRecords(path)
    expect(await tg('audit', command)).toMatchObject({ code: 65, err: about })
    await writeFile(path, 'this is not a database'.repeat(500))
    expect(await tg('audit', command)).toMatchObject({ code: 65, err: about })
    await truncate(path)
    expect(await tg('audit', command)).toMatchObject({
      code: 78,
      err: expect.stringContaining(`there are no usage records: ${path} is empty`),
    })
  },
)

test('a record that is no longer JSON is exported without its content, which the verification finds', async () => {
  const database = new DatabaseSync(join(dir.path, 'audit.db'))
  database.exec("UPDATE usage_records SET record = substr(record, 1, 40) WHERE id = 'r5'")
  database.close()
  const file = join(dir.path, 'export.jsonl')
  expect(await tg('audit', 'export', '--output', file)).toMatchObject({ code: 0 })
  const { code, out } = await tg('audit', 'verify', file)
  expect(code).toBe(1)
  expect(out).toMatch(/^EDITED #5 /m)
})
