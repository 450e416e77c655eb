import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import type { Connection } from '../../../src/upstream/connection/connection.ts'
import { ProcessLog } from '../../../src/upstream/stdio/process-log.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { descendantsOf, isAlive } from '../../support/process-tree.ts'
import { programOf } from '../../support/server-definitions.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { callTool, Connecting, textOf } from './connecting.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

interface Starting {
  readonly clock: FakeClock
  readonly open: () => Promise<Connection>
  /** Methods of what the processes were sent. */
  readonly sent: unknown[]
  readonly processes: string[]
  /** From now on the processes read what they were sent. */
  readonly start: () => void
}

/** A server that reads and says nothing until `start` is called, opened by a clock that the test moves. */
async function starting(mode: string): Promise<Starting> {
  const clock = new FakeClock()
  const directory = await temporaryDirectory()
  closers.push(async () => directory[Symbol.asyncDispose]())
  const gate = join(directory.path, 'started')
  const server = programOf('raw-stdio.ts', [mode], { env: { STARTED_WITH: gate } })
  const connect = new Connecting().connector({ clock })
  const sent: unknown[] = []
  const processes: string[] = []
  const open = (): Promise<Connection> => {
    const opening = connect(
      server,
      { onLost: () => undefined, onListChanged: () => undefined },
      {
        timeoutMs: 60_000,
        signal: new AbortController().signal,
        tap: {
          onTarget: (target) => processes.push(target),
          onMessage: (direction, { method }) => direction === 'sent' && sent.push(method),
          log: new ProcessLog({ clock }),
        },
      },
    )
    opening.then(
      (connection) => closers.push(() => moving(clock, connection.close())),
      () => undefined,
    )
    return opening
  }
  return { clock, open, sent, processes, start: () => writeFileSync(gate, '') }
}

/** What `work` comes to, while time goes by. */
async function moving<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  const ended = work.then(
    () => true,
    () => true,
  )
  await eventually(async () => {
    await clock.advance(10)
    return Promise.race([ended, Promise.resolve(false)])
  })
  return work
}

const children = (): number[] => descendantsOf(process.pid).filter(isAlive)

describe('a process that is silent while it starts', () => {
  test.each([
    ['that knows its era', '', 'legacy'],
    ['that leaves unknown questions unanswered', 'ignores-probe', 'legacy'],
    ['of the modern era', 'modern', 'modern'],
  ] as const)(
    'and speaks after 45 s, %s, is opened at the first try, never ended',
    async (_what, mode, era) => {
      const { clock, open, sent, processes, start } = await starting(mode)
      const opening = open()
      await eventually(() => sent.length === 1)
      await clock.advance(45_000)
      expect(sent).toEqual(['server/discover', 'initialize'])
      const [pid] = children()
      start()
      const connection = await opening
      expect(connection).toMatchObject({ era, pid })
      expect(processes).toEqual(['process'])
    },
  )

  test('is asked once to open, and works', async () => {
    const { clock, open, sent, start } = await starting('')
    const opening = open()
    await eventually(() => sent.length === 1)
    await clock.advance(45_000)
    start()
    expect(textOf(await callTool(await opening, 'echo'))).toBe('echo')
    expect(sent).toEqual(['server/discover', 'initialize', 'notifications/initialized', 'tools/call'])
  })

  test('and dies of the question for its era as soon as it reads it is opened in the next process', async () => {
    const { clock, open, sent, processes, start } = await starting('dies-of-probe')
    const opening = open()
    await eventually(() => sent.length === 1)
    await clock.advance(45_000)
    start()
    expect((await moving(clock, opening)).era).toBe('legacy')
    expect(processes).toEqual(['process', 'process, as a legacy server'])
  })

  test('for all of its time is ended then, and not before', async () => {
    const { clock, open, sent } = await starting('')
    const opening = open()
    await eventually(() => sent.length === 1)
    await clock.advance(59_999)
    expect(children()).toHaveLength(1)
    await clock.advance(1)
    await expect(moving(clock, opening)).rejects.toThrow('it did not open within 60000 ms')
    expect(children()).toEqual([])
  })
})

test('a process that answers and then hangs is replaced after 10 s, by one that has the whole time', async () => {
  const { clock, open, sent, processes, start } = await starting('answers-and-hangs')
  start()
  const opening = open()
  await eventually(() => sent.length === 2)
  expect(sent).toEqual(['server/discover', 'initialize'])
  await clock.advance(9999)
  expect(processes).toHaveLength(1)
  await clock.advance(1)
  expect((await moving(clock, opening)).era).toBe('legacy')
})
