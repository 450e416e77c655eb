import { expect, test } from '@jest/globals'
import { ProcessLog, ProcessLogs } from '../../../src/upstream/stdio/process-log.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { programOf } from '../../support/server-definitions.ts'

const clock = new FakeClock()
const textsOf = (log: ProcessLog, count = 10_000): string[] => log.last(count).map(({ text }) => text)

test('the last lines come oldest first, with who said them', () => {
  const log = new ProcessLog({ clock })
  log.noted(7, 'started')
  log.said(7, 'hello')
  log.said(8, 'bye')
  expect(log.last(2)).toEqual([
    { number: 2, atMs: clock.now(), pid: 7, by: 'process', text: 'hello' },
    { number: 3, atMs: clock.now(), pid: 8, by: 'process', text: 'bye' },
  ])
  expect(log.last(0)).toEqual([])
  expect(textsOf(log)).toEqual(['started', 'hello', 'bye'])
})

test('no more than 1000 lines are kept', () => {
  const log = new ProcessLog({ clock })
  for (let index = 1; index <= 2500; index += 1) log.said(1, String(index))
  expect(textsOf(log)).toHaveLength(1000)
  expect([textsOf(log)[0], textsOf(log, 1)[0]]).toEqual(['1501', '2500'])
})

test('no more than 256 KiB are kept, whatever the lines are', () => {
  const log = new ProcessLog({ clock })
  for (let index = 0; index < 200; index += 1) log.said(1, `${index} ${'ä'.repeat(2000)}`)
  const bytes = textsOf(log).reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  expect(bytes).toBeLessThanOrEqual(262_144)
  expect(bytes).toBeGreaterThan(250_000)
  log.said(1, 'short')
  expect(textsOf(log, 1)).toEqual(['short'])
})

test('who follows gets what is written from then on, until it ends', () => {
  const log = new ProcessLog({ clock })
  const seen: string[] = []
  log.said(1, 'before')
  const stop = log.follow(
    ({ text }) => seen.push(text),
    () => seen.push('never'),
  )
  log.follow(
    ({ text }) => seen.push(`other ${text}`),
    () => seen.push('end'),
  )
  log.said(1, 'a')
  stop()
  log.said(1, 'b')
  log.end()
  log.said(1, 'c')
  expect(seen).toEqual(['a', 'other a', 'other b', 'end'])
})

test('a server’s log goes when the registry has the server no more, and stays for any other change', () => {
  const logs = new ProcessLogs({ clock })
  const server = programOf('raw-stdio.ts')
  const log = logs.of('acme/sample')
  let ended = 0
  log.follow(
    () => undefined,
    () => (ended += 1),
  )
  log.said(1, 'last words')
  logs.setServers(new Map([['acme/sample', { ...server, enabled: false }]]))
  expect(textsOf(logs.of('acme/sample'))).toEqual(['last words'])
  logs.setServers(new Map())
  expect([textsOf(logs.of('acme/sample')), ended]).toEqual([[], 1])
})
