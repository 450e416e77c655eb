import { expect, test } from '@jest/globals'
import { PacedInput } from '../../src/upstream/messages/paced-input.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** Takes two bytes a turn. */
function paced(): { input: PacedInput; log: string[] } {
  const log: string[] = []
  const source = { pause: () => log.push('pause'), resume: () => log.push('resume') }
  const take = (bytes: Buffer): number => {
    log.push(bytes.toString('utf8', 0, 2))
    return Math.min(2, bytes.length)
  }
  return { input: new PacedInput({ source: () => source, take, count: () => 0 }), log }
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

test('what a server sends at once is handled a part at a time, with a turn for everything else in between', async () => {
  const { input, log } = paced()
  input.push(Buffer.from('abcde'))
  expect(log).toEqual(['ab', 'pause'])
  await turn()
  expect(log).toEqual(['ab', 'pause', 'cd', 'pause'])
  await turn()
  expect(log).toEqual(['ab', 'pause', 'cd', 'pause', 'e', 'resume'])
})

test('what arrives meanwhile keeps its order, and the end comes after all of it', async () => {
  const { input, log } = paced()
  input.push(Buffer.from('abc'))
  input.push(Buffer.from('de'))
  input.whenEmpty(() => log.push('end'))
  await turn()
  await turn()
  expect(log).toEqual(['ab', 'pause', 'c', 'de', 'resume', 'end'])
})

test('little is handled at once, and nothing waits for it', () => {
  const { input, log } = paced()
  input.push(Buffer.from('ab'))
  input.whenEmpty(() => log.push('end'))
  expect(log).toEqual(['ab', 'end'])
})

test('nothing waits for the parts of a large message, and everything else has its turn after its end', () => {
  const log: string[] = []
  const input = new PacedInput({
    source: () => ({ pause: () => log.push('pause'), resume: () => log.push('resume') }),
    take: (bytes) => bytes.length,
    count: () => 0,
    isPart: (bytes) => !bytes.includes('.'),
  })
  for (let piece = 0; piece < 3; piece += 1) input.push(Buffer.alloc(65_536, 'a'))
  expect(log).toEqual([])
  input.push(Buffer.concat([Buffer.alloc(65_535, 'a'), Buffer.from('.')]))
  expect(log).toEqual(['pause'])
})

test('of messages that each come in a piece of their own no more are handled at once', async () => {
  let count = 0
  let pauses = 0
  const input = new PacedInput({
    source: () => ({ pause: () => (pauses += 1), resume: () => undefined }),
    take: (bytes) => {
      count += 1
      return bytes.length
    },
    count: () => count,
  })
  for (let piece = 0; piece < 120; piece += 1) input.push(Buffer.from('a'))
  expect([count, pauses]).toEqual([50, 1])
  await turn()
  expect([count, pauses]).toEqual([100, 2])
  await turn()
  expect(count).toBe(120)
})

test('the stream of one request is read slowly after a thousand messages', async () => {
  const clock = new FakeClock()
  let count = 0
  const take = (bytes: Buffer, max: number): number => {
    const taken = Math.min(bytes.length, max)
    count += taken
    return taken
  }
  const input = new PacedInput({ source: () => undefined, take, count: () => count, clock })
  input.push(Buffer.alloc(2000))
  for (let turns = 0; turns < 40; turns += 1) await turn()
  expect(count).toBe(1050)
  await clock.advance(30)
  expect(count).toBe(1200)
})
