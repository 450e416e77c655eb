import { expect, test } from '@jest/globals'
import type { RecordLines } from '../../../src/audit/record-lines.ts'
import { Delivery } from '../../../src/audit/spool/delivery.ts'
import { Spool } from '../../../src/audit/spool/spool.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { silentLogger as logger } from '../../support/silent-logger.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

test('what is recorded while a delivery is stored gathers for the next one', async () => {
  await using dir = await temporaryDirectory()
  const clock = new FakeClock()
  const spool = await Spool.open({ dir: dir.path, limitBytes: 1024 * 1024, clock, logger })
  const deliveries: (readonly string[])[] = []
  const stored = Promise.withResolvers<void>()
  const store = {
    write: (lines: RecordLines): Promise<void> => {
      deliveries.push(lines.strings())
      return stored.promise
    },
  }
  const delivery = new Delivery({ spool, store, clock, random: () => 1, logger })
  const append = async (text: string): Promise<void> => {
    await spool.append(Buffer.from(text))
    delivery.soon()
  }
  await append('one\ntwo\n')
  await clock.advance(200)
  await eventually(() => deliveries.length === 1)
  await append('three\n')
  await append('four\n')
  stored.resolve()
  await eventually(() => spool.waitingBytes === 'three\nfour\n'.length)
  await clock.advance(199)
  expect(deliveries).toEqual([['one', 'two']])
  await clock.advance(1)
  await eventually(() => spool.waitingBytes === 0)
  expect(deliveries).toEqual([
    ['one', 'two'],
    ['three', 'four'],
  ])
  await delivery.close(0)
  await spool.close()
})
