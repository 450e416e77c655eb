import { expect, test } from '@jest/globals'
import type { Checkpoint } from '../../../src/audit/chain/checkpoint.ts'
import { statementIn } from '../../../src/audit/chain/checkpoint.ts'
import { Checkpoints } from '../../../src/audit/chain/checkpoints.ts'
import { noteVerifier, openNote } from '../../../src/audit/chain/note.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { AT, OTHER_SIGNER, SIGNER } from './chained.ts'

class MemoryChain {
  seq = 0
  isDown = false
  readonly checkpoints: Checkpoint[] = []

  head = (): Promise<{ writer: string; seq: number; hash: string; beganMs: number }> =>
    this.isDown
      ? Promise.reject(new Error('store down'))
      : Promise.resolve({ writer: 'w', seq: this.seq, hash: `hash ${this.seq}`, beganMs: AT })

  addCheckpoint = (checkpoint: Checkpoint): Promise<void> => {
    this.checkpoints.push(checkpoint)
    return Promise.resolve()
  }

  get signed(): number[] {
    return this.checkpoints.map(({ seq }) => seq)
  }
}

function opened(): { chain: MemoryChain; clock: FakeClock; checkpoints: Checkpoints } {
  const chain = new MemoryChain()
  const clock = new FakeClock(AT)
  const signers = [SIGNER, OTHER_SIGNER] as const
  return {
    chain,
    clock,
    checkpoints: new Checkpoints({ chain, clock, signers, retentionDays: 90, logger: silentLogger }),
  }
}

test('what was delivered is signed within ten seconds, all of that time at once', async () => {
  const { chain, clock, checkpoints } = opened()
  await checkpoints.start()
  for (chain.seq = 1; chain.seq < 5; chain.seq += 1) checkpoints.soon()
  await clock.advance(10_000)
  expect(chain.signed).toEqual([0, 5])
  await checkpoints.close()
})

test('a chain that does not grow is signed every ten minutes', async () => {
  const { chain, clock, checkpoints } = opened()
  await checkpoints.start()
  await clock.advance(600_000)
  await clock.advance(600_000)
  expect(chain.checkpoints.map(({ atMs }) => atMs - AT)).toEqual([0, 600_000, 1_200_000])
  await checkpoints.close()
})

test('the end of a writer is signed, and nothing after it', async () => {
  const { chain, clock, checkpoints } = opened()
  await checkpoints.start()
  chain.seq = 3
  await checkpoints.close()
  checkpoints.soon()
  await clock.advance(600_000)
  const statements = chain.checkpoints.map(({ note }) => statementIn(note.slice(0, note.indexOf('\n\n') + 1)))
  expect(statements.map((statement) => statement?.isLast)).toEqual([false, true])
  expect(statements[1]).toEqual(
    expect.objectContaining({
      writer: 'w',
      seq: 3,
      hash: 'hash 3',
      atMs: AT,
      beganMs: AT,
      retentionDays: 90,
    }),
  )
})

test('a store that fails is asked again ten seconds later', async () => {
  const { chain, clock, checkpoints } = opened()
  chain.isDown = true
  await checkpoints.start()
  chain.isDown = false
  await clock.advance(10_000)
  expect(chain.signed).toEqual([0])
  await checkpoints.close()
})

test('both keys sign while there is one before the current one', async () => {
  const { chain, checkpoints } = opened()
  await checkpoints.start()
  const note = chain.checkpoints[0]?.note ?? ''
  for (const { verifierKey } of [SIGNER, OTHER_SIGNER]) {
    const verifier = noteVerifier(verifierKey)
    expect(verifier && openNote(note, [verifier])).toContain(`key ${SIGNER.verifierKey}`)
  }
  await checkpoints.close()
})
