import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { KEY_NAME, signedCheckpoint } from '../../../src/audit/chain/checkpoint.ts'
import { Chain } from '../../../src/audit/chain/chain.ts'
import { emptyChain } from '../../../src/audit/chain/link.ts'
import { noteSigner } from '../../../src/audit/chain/note.ts'
import { verifyChains } from '../../../src/audit/chain/verify.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { AT, ChainedDatabase, faultsOf, OTHER_SIGNER, SIGNER } from './chained.ts'

let dir: Awaited<ReturnType<typeof temporaryDirectory>>
let database: ChainedDatabase

beforeEach(async () => {
  dir = await temporaryDirectory()
  database = new ChainedDatabase(dir.path)
  database.fill(1, 30)
})

afterEach(async () => {
  database.close()
  await dir[Symbol.asyncDispose]()
})

const SET = 'UPDATE usage_records SET'

test('a chain that nobody touched has no fault', async () => {
  expect(await database.verify()).toEqual(
    expect.objectContaining({
      records: 30,
      findings: [],
      chains: [expect.objectContaining({ records: 30, lastSeq: 30, signedSeq: 30, checkpoints: 3 })],
    }),
  )
})

describe('tampering is found, and names the record', () => {
  test.each([
    [
      'an edited field',
      `${SET} record = replace(record, '"outcome":"ok"', '"outcome":"denied"') WHERE seq = 7`,
      ['edited 7 r7'],
    ],
    [
      'an edited person',
      `${SET} record = replace(record, '"ada"', '"bob"') WHERE seq = 30`,
      ['edited 30 r30'],
    ],
    [
      'an added field',
      `${SET} record = replace(record, '{"id"', '{"x":1,"id"') WHERE seq = 8`,
      ['edited 8 r8'],
    ],
    ['a deleted record', 'DELETE FROM usage_records WHERE seq = 12', ['deleted 12']],
    ['several deleted records', 'DELETE FROM usage_records WHERE seq BETWEEN 12 AND 14', ['deleted 12 -14']],
    ['a deleted beginning', 'DELETE FROM usage_records WHERE seq <= 3', ['deleted 1 -3']],
    [
      'a beginning that was deleted as retention does it, too early',
      'DELETE FROM usage_records WHERE seq <= 10',
      ['deleted 1 -10'],
    ],
    ['a cut end', 'DELETE FROM usage_records WHERE seq > 25', ['truncated 26 -30']],
    [
      'two records that changed places',
      `${SET} seq = -1 WHERE seq = 4; ${SET} seq = 4 WHERE seq = 5; ${SET} seq = 5 WHERE seq = -1`,
      ['edited 4 r5', 'reordered 5 r4'],
    ],
    [
      'a record that was inserted with the number of another',
      `INSERT INTO usage_records SELECT tenant_id, at_ms, 'forged', replace(record, '"r9"', '"forged"'), seq, salt, hash
         FROM usage_records WHERE seq = 9`,
      ['inserted 9 forged'],
    ],
    [
      'a record that was added at the end',
      `INSERT INTO usage_records SELECT tenant_id, at_ms + 1, 'forged', replace(record, '"r30"', '"forged"'), 31, salt, hash
         FROM usage_records WHERE seq = 30`,
      ['misplaced 31 forged', 'edited 31 forged'],
    ],
    [
      'a record that was inserted outside the chain',
      `INSERT INTO usage_records SELECT tenant_id, at_ms, 'forged', record, NULL, NULL, NULL FROM usage_records WHERE seq = 9`,
      ['unchained forged'],
    ],
    ['a replaced hash', `${SET} hash = 'AAAA' WHERE seq = 6`, ['hash 6 r6']],
    ['a replaced salt', `${SET} salt = 'AAAA' WHERE seq = 6`, ['edited 6 r6']],
    [
      'a record that was moved to another tenant',
      `${SET} tenant_id = 'globex' WHERE seq = 6`,
      ['misplaced 6 r6'],
    ],
    [
      'a changed checkpoint',
      "UPDATE audit_checkpoints SET note = replace(note, 'retention 90', 'retention 1')",
      ['checkpoint 10', 'checkpoint 20', 'checkpoint 30', 'unsigned 1 -30 r1'],
    ],
    ['removed checkpoints', 'DELETE FROM audit_checkpoints WHERE seq > 10', ['unsigned 11 -30 r11']],
    [
      'a checkpoint that was moved',
      'UPDATE audit_checkpoints SET seq = 25 WHERE seq = 20',
      ['checkpoint 25'],
    ],
    [
      'a person that was erased without a record of it',
      `${SET} record = replace(record, '"subject":"ada"', '"subject":"","erasedBy":"r1","commitment":"AAAA"') WHERE seq = 3`,
      ['edited 3 r3', 'erased 3 r3'],
    ],
  ])('%s', async (_what, sql, found) => {
    database.tamper(sql)
    expect(await faultsOf(database.verify())).toEqual(found)
  })

  test('an end that was cut with its checkpoints, by a checkpoint that was kept elsewhere', async () => {
    const kept = database.entries().flatMap((entry) => (entry.kind === 'checkpoint' ? entry.note : []))
    database.tamper('DELETE FROM usage_records WHERE seq > 20; DELETE FROM audit_checkpoints WHERE seq > 20')
    expect(await faultsOf(database.verify())).toEqual([])
    expect((await database.verify()).notes).toEqual([expect.stringContaining('not the last of its writer')])
    expect(await faultsOf(database.verify({ remembered: kept }))).toEqual(['truncated 21 -30'])
  })

  test('a chain that was computed anew, because nobody else has the key', async () => {
    const entries = database.entries()
    const writer = entries[0]?.kind === 'record' ? entries[0].writer : ''
    const chain = new Chain(emptyChain(writer))
    const forged = entries.map((entry) => {
      if (entry.kind !== 'record') return entry
      const linked = chain.next(entry.text.replace('"files_17"', '"files_18"'))
      if (linked === undefined) throw new Error('no record')
      chain.keep(linked)
      return { ...entry, text: linked.text, ...linked.link }
    })
    const verified = verifyChains(forged, { verifierKeys: [SIGNER.verifierKey], nowMs: AT })
    expect(await faultsOf(verified)).toEqual([
      'rewritten 1 -10 r1',
      'edited 11 r11',
      'rewritten 11 -20 r11',
      'edited 21 r21',
      'rewritten 21 -30 r21',
    ])
  })

  test('a record that was added behind the end of its writer, with the right hash', async () => {
    database.sign(AT + 310_000, { isLast: true })
    database.fill(31, 31)
    expect(await faultsOf(database.verify())).toEqual(['unsigned 31 r31'])
  })

  test('checkpoints that another key signed', async () => {
    database.sign(AT + 400_000, { signer: OTHER_SIGNER })
    expect(await faultsOf(database.verify())).toEqual(['checkpoint 30', 'unsigned 21 -30 r21'])
  })

  test.each([4, 9, 1000])(
    'a number of an export that was replaced by %i, and nothing behind it',
    async (other) => {
      const entries = database
        .entries()
        .map((entry) => (entry.kind === 'record' && entry.seq === 7 ? { ...entry, seq: other } : entry))
      const verified = verifyChains(entries, {
        verifierKeys: [SIGNER.verifierKey],
        nowMs: AT,
        isExport: true,
      })
      expect(await faultsOf(verified)).toEqual(['edited 7 r7'])
    },
  )

  test('records of an export that stand in another order', async () => {
    const entries = database.entries()
    const [moved] = entries.splice(3, 1)
    if (moved !== undefined) entries.splice(8, 0, moved)
    const verified = verifyChains(entries, { verifierKeys: [SIGNER.verifierKey], nowMs: AT, isExport: true })
    expect(await faultsOf(verified)).toEqual(['reordered 4 r4', 'deleted 4'])
  })
})

describe('what is no tampering has no fault', () => {
  test('records that retention has deleted', async () => {
    database.deleteBefore(AT + 150_000)
    expect(database.entries()[0]).toEqual(expect.objectContaining({ kind: 'checkpoint', seq: 10 }))
    const later = AT + 91 * 86_400_000
    expect(await faultsOf(database.verify({ nowMs: later }))).toEqual([])
    expect(await faultsOf(database.verify({ nowMs: AT + 600_000 }))).toEqual(['deleted 1 -10'])
  })

  test('a new key that the one before has introduced', async () => {
    database.fill(31, 39)
    const head = database.entries().at(-1)
    const writer = head?.kind === 'record' ? head.writer : ''
    const hash = head?.kind === 'record' ? head.hash : ''
    const statement = { writer, seq: 39, hash, beganMs: AT, retentionDays: 90, isLast: false }
    const next = noteSigner(KEY_NAME, Buffer.alloc(32, 3))
    const both = signedCheckpoint({ ...statement, atMs: AT + 390_010 }, [next, SIGNER])
    const verified = verifyChains([...database.entries(), { kind: 'checkpoint', ...both }], {
      verifierKeys: [SIGNER.verifierKey],
      nowMs: AT + 500_000,
    })
    expect(await faultsOf(verified)).toEqual([])
    const alone = signedCheckpoint({ ...statement, atMs: AT + 390_020 }, [next])
    const introduced = verifyChains(
      [...database.entries(), { kind: 'checkpoint', ...both }, { kind: 'checkpoint', ...alone }],
      { verifierKeys: [SIGNER.verifierKey], nowMs: AT + 500_000 },
    )
    expect(await faultsOf(introduced)).toEqual([])
  })

  test('the last seconds of a writer that was killed before it signed them', async () => {
    database.fill(31, 33)
    expect(await faultsOf(database.verify())).toEqual([])
    expect((await database.verify()).notes).toContainEqual(
      expect.stringContaining('records at the end without a checkpoint: 3'),
    )
  })

  test('a batch that is delivered twice', async () => {
    database.fill(21, 30)
    database.fill(31, 40)
    expect(await faultsOf(database.verify())).toEqual([])
    expect(database.entries().filter(({ kind }) => kind === 'record')).toHaveLength(40)
  })
})
