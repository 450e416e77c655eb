import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { eventually } from '../../support/eventually.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { downStore, filesOf, openSpool, recorded, records, targetsOf } from '../spooling.ts'

test('what was recorded a moment ago is delivered although its file was damaged since', async () => {
  await using dir = await temporaryDirectory()
  await using opened = await openSpool(dir.path, { store: downStore() })
  await recorded(opened.audit.log, records(3))
  const [name = ''] = await filesOf(dir.path)
  await writeFile(join(dir.path, 'spool', name), '\0\0\0')
  opened.store.isDown = false
  await eventually(() => opened.audit.spool().waitingBytes === 0)
  expect(opened.store.targets).toEqual(['r-0', 'r-1', 'r-2'])
  expect(await filesOf(dir.path)).not.toContain('refused.jsonl')
})

test('delivers in order what is on disk only and what is in memory as well', async () => {
  await using dir = await temporaryDirectory()
  await using opened = await openSpool(dir.path, { store: downStore(), segmentBytes: 1000, batchSize: 3 })
  const { audit, store } = opened
  const batches = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => records(4, name))
  for (const batch of batches) await recorded(audit.log, batch)
  expect(await filesOf(dir.path)).toHaveLength(6)
  store.isDown = false
  await eventually(() => audit.spool().waitingBytes === 0)
  expect(store.targets).toEqual(batches.flatMap(targetsOf))
  expect(store.deliveries).toBe(24)
})
