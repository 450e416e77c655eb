import { expect, test } from '@jest/globals'
import { Chain } from '../../../src/audit/chain/chain.ts'
import { signedCheckpoint } from '../../../src/audit/chain/checkpoint.ts'
import { emptyChain } from '../../../src/audit/chain/link.ts'
import { recordText } from '../../../src/audit/chain/record-text.ts'
import { verifyChains } from '../../../src/audit/chain/verify.ts'
import { entryIn, entryLine } from '../../../src/audit/export/export-file.ts'
import { soak } from '../../support/soak.ts'
import { asStored, usageRecord } from '../../support/usage-records.ts'
import { AT, SIGNER } from './chained.ts'

const RECORDS = soak(100_000, 10_000)
/** Of processor time, for 100,000. */
const BUDGET_MS = 5000
/** The first of them are slower. */
const WARM_UP_MS = 1000

test(`${RECORDS} records of an export are verified at a rate of 100,000 in five seconds`, async () => {
  const chain = new Chain(emptyChain('w'))
  const record = recordText(asStored(usageRecord({ roles: ['reader'], address: '10.0.0.7' })))
  const lines: string[] = []
  for (let seq = 1; seq <= RECORDS; seq += 1) {
    const linked = chain.next(record)
    if (linked === undefined) throw new Error('no record')
    chain.keep(linked)
    lines.push(entryLine({ kind: 'record', writer: 'w', text: linked.text, ...linked.link }))
    if (seq % 100 !== 0) continue
    const statement = { ...chain.head, beganMs: AT, atMs: AT + seq, retentionDays: 90, isLast: false }
    lines.push(entryLine({ kind: 'checkpoint', ...signedCheckpoint(statement, [SIGNER]) }))
  }
  const before = process.cpuUsage()
  const entries = lines.flatMap((text) => entryIn(text) ?? [])
  const options = { verifierKeys: [SIGNER.verifierKey], nowMs: AT + RECORDS, isExport: true }
  const { records, findings } = await verifyChains(entries, options)
  const { user, system } = process.cpuUsage(before)
  expect({ records, findings }).toEqual({ records: RECORDS, findings: [] })
  expect((user + system) / 1000).toBeLessThan((BUDGET_MS * RECORDS) / 100_000 + WARM_UP_MS)
})
