import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { NoticeLimit } from '../../../src/upstream/fetch/notice-limit.ts'
import { limitEvents } from '../../../src/upstream/fetch/limited-stream.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** So many events that what follows is over the limit. */
const FLOOD = '\n'.repeat(20_000)
const line = (message: object): string => `data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`
const event = (message: object): string => `event: message\n${line(message)}\n`
const notice = event({ method: 'notifications/message', params: { level: 'info', data: 'd' } })
const answer = event({ id: 1, result: { content: [{ type: 'text', text: '\n\n "id"' }] } })
const question = event({ id: 'q', method: 'roots/list' })
const changed = event({ method: 'notifications/tools/list_changed' })

/** What passes behind a flood. */
async function behindFlood(chunks: readonly string[]): Promise<string> {
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of [FLOOD, ...chunks]) controller.enqueue(Buffer.from(chunk))
      controller.close()
    },
  })
  const passed = await new Response(source.pipeThrough(limitEvents(100_000, () => undefined))).text()
  expect(passed.startsWith(FLOOD)).toBe(true)
  return passed.slice(FLOOD.length)
}

const inPieces = (text: string, size: number): string[] => text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []

test.each([1, 2, 3, 10, 64, 1000, 100_000])(
  'of a flood in pieces of %i bytes the notifications are left out, and every answer and question passes',
  async (size) => {
    const given = notice.repeat(40) + question + notice.repeat(40) + answer + notice
    expect(await behindFlood(inPieces(given, size))).toBe(question + answer)
  },
)

test('a flood that comes at once in one piece is limited like one that comes in many', async () => {
  const passed = await new Response(
    new Blob([notice.repeat(60_000) + answer]).stream().pipeThrough(limitEvents(100_000, () => undefined)),
  ).text()
  const events = passed.split('\n\n').length - 1
  expect(events).toBeGreaterThan(10_000)
  expect(events).toBeLessThan(20_000)
  expect(passed.endsWith(answer)).toBe(true)
})

test('what a server of no flood sends passes as it is', async () => {
  const given = notice.repeat(9000) + answer
  const source = new Blob([given]).stream().pipeThrough(limitEvents(100_000, () => undefined))
  expect(await new Response(source).text()).toBe(given)
})

test('that something has changed passes once, however often it is said at once', async () => {
  const updated = (uri: string): string =>
    event({ method: 'notifications/resources/updated', params: { uri } })
  const given = [changed, updated('a:1'), updated('a:2'), changed, updated('a:1'), changed].join('')
  expect(await behindFlood([given])).toBe(changed + updated('a:1') + updated('a:2'))
  expect(await behindFlood([changed, changed])).toBe(changed + changed)
})

test.each([
  ['an event of another type', notice.replace('message', 'endpoint')],
  ['data in two lines', 'data: {"method":"notifications/message",\ndata: "params":{}}\n\n'],
  ['a comment', ': ping\n\n'],
  [
    'a notification that is large and not all there',
    `data: {"method":"notifications/message","p":"${'x'.repeat(9000)}`,
  ],
])('%s passes', async (_what, given) => expect(await behindFlood([notice + given])).toBe(given))

test('what belongs to a notification is left out with it: its id, its comments, its delay', async () => {
  const given = `: c\nid: 7\nretry: 1\n${line({ method: 'notifications/progress' })}\n`
  expect(await behindFlood([given + answer])).toBe(answer)
})

test('whatever comes in whatever pieces, everything but notifications passes unchanged and in order', async () => {
  const kinds = fc.constantFrom(
    notice,
    answer,
    question,
    changed,
    ': c\n\n',
    '\n',
    'data: {}\n\n',
    'id: 1\n\n',
  )
  const ends = fc.constantFrom('\n', '\r\n', '\r')
  const pieces = fc.record({
    events: fc.array(kinds, { maxLength: 20 }),
    end: ends,
    size: fc.integer({ min: 1, max: 200 }),
  })
  const essential = (text: string): string[] =>
    text
      .replaceAll(/\r\n?/g, '\n')
      .split('\n\n')
      .map((each) => each.trim())
      .filter((each) => each.includes('"id"') || each.startsWith(':') || each.includes('{}'))
  await fc.assert(
    fc.asyncProperty(pieces, async ({ events, end, size }) => {
      const given = events.join('').replaceAll('\n', end)
      expect(essential(await behindFlood(inPieces(given, size)))).toEqual(essential(given))
    }),
    { numRuns: 60 },
  )
})

test('ten thousand events may come at once, and a thousand in each second after', async () => {
  const clock = new FakeClock()
  const limit = new NoticeLimit({ clock })
  expect(limit.isOver(10_000)).toBe(false)
  expect(limit.isOver(10_001)).toBe(true)
  await clock.advance(1000)
  expect(limit.isOver(11_000)).toBe(false)
  expect(limit.isOver(11_002)).toBe(true)
  await clock.advance(3_600_000)
  expect(limit.isOver(21_002)).toBe(false)
  expect(limit.isOver(21_003)).toBe(true)
})
