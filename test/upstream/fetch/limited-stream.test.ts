import { expect, test } from '@jest/globals'
import { limitEvents } from '../../../src/upstream/fetch/limited-stream.ts'

async function through(maxBytes: number, chunks: readonly string[], requestId?: number): Promise<string> {
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(Buffer.from(chunk))
      controller.close()
    },
  })
  let text = ''
  for await (const bytes of source.pipeThrough(limitEvents(maxBytes, () => requestId)))
    text += Buffer.from(bytes).toString()
  return text
}

const NOTHING = 'data: {"jsonrpc":"2.0","method":"notifications/tool-gateway/nothing"}\n\n'
const TOO_LARGE = (id: number): string =>
  `data: {"jsonrpc":"2.0","id":${id},"error":{"code":-31003,"message":"The response of the server is too large","data":{"tool-gateway/response-too-large":true}}}\n\n`

test('a stream of events within the limit passes unchanged, however long it is', async () => {
  const event = `event: message\ndata: {"id":1}\n\n`
  const chunks = Array.from({ length: 100 }, () => event)
  expect(await through(40, chunks)).toBe(chunks.join(''))
})

test.each([1, 2, 3, 7])(
  'the ends of events are found in pieces of %i bytes, with either line end',
  async (size) => {
    const stream = 'data: 0123456789\r\n\r\ndata: 0123456789\n\n: note\n\ndata: 0123456789\n\n'.repeat(5)
    const chunks = stream.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
    expect(await through(30, chunks)).toBe(stream)
  },
)

test.each([1, 2, 3, 7, 1000])(
  'events whose lines end with carriage returns alone pass one by one, however long their stream is, in pieces of %i bytes',
  async (size) => {
    const stream = 'data: 0123456789\rid: 1\r\r'.repeat(20)
    const chunks = stream.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
    const lines = (await through(30, chunks, 9)).replaceAll('\r\n', '\r')
    expect(lines).toBe(stream)
  },
)

test.each([1, 3, 1000])(
  'an event that is too large is answered where its lines end with carriage returns alone, in pieces of %i bytes',
  async (size) => {
    const large = `data: {"result":{"x":"${'x'.repeat(200)}"},"jsonrpc":"2.0","id":6}\r\r`
    const chunks = `data: a\r\r${large}data: b\r\r`.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
    const output = await through(80, chunks)
    const [before, after] = output.replaceAll(/\r\n?/g, '\n').split(TOO_LARGE(6))
    expect(before?.startsWith('data: a\n\n')).toBe(true)
    expect(before?.length).toBeLessThan(100)
    expect(after).toBe('data: b\n\n')
  },
)

test.each([
  ['in one line', (rows: string) => `data: {"jsonrpc":"2.0","id":6,"result":{"rows":${rows}}}\n\n`],
  [
    'in many short lines',
    (rows: string) =>
      `data: {"jsonrpc":"2.0","id":6,"result":{"rows":\n${rows.replaceAll(/(?:[^,]*,){9999}/g, 'data: $&\n')}}}\n\n`,
  ],
])('an event of far too many objects %s is answered, and the stream goes on', async (_how, event) => {
  const rows = `[${'{},'.repeat(699_999)}{}]`
  const output = await through(10_000_000, ['data: a\n\n', event(rows), 'data: b\n\n'])
  expect(output.length).toBeLessThan(2_095_000)
  expect(output.endsWith(`${TOO_LARGE(6)}data: b\n\n`)).toBe(true)
})

test('events of many objects pass when none of them has too many', async () => {
  const event = `data: [${'{},'.repeat(400_000)}{}]\n\n`
  expect(await through(10_000_000, [event.repeat(3)])).toBe((event + NOTHING).repeat(3))
})

test('behind a large event comes one that says nothing, so that its reader keeps none that is large', async () => {
  const large = `data: ${'x'.repeat(300_000)}\n\n`
  const events = ['data: a\n\n', large.slice(0, 100_000), large.slice(100_000), 'data: b\n\n']
  expect(await through(500_000, events)).toBe(`data: a\n\n${large}${NOTHING}data: b\n\n`)
  expect(await through(500_000, [`${large}data: b\n\n`])).toBe(`${large}${NOTHING}data: b\n\n`)
})

test('an end of an event is passed on as soon as it is there, also where it is a carriage return', async () => {
  const { readable, writable } = limitEvents(80, () => undefined)
  const writer = writable.getWriter()
  const reader = readable.getReader()
  void writer.write(Buffer.from('data: a\r\r'))
  const chunks = [await reader.read(), await reader.read()]
  expect(Buffer.concat(chunks.map(({ value }) => value ?? Buffer.of())).toString()).toBe('data: a\r\r\n')
  await writer.close()
})

test('the stream of one request is read slowly after a thousand events, and that of a session is not', async () => {
  const events = Array.from({ length: 40 }, () => 'data: a\n\n'.repeat(50))
  const timed = async (requestId?: number): Promise<number> => {
    const started = performance.now()
    await through(40, events, requestId)
    return performance.now() - started
  }
  expect(await timed(1)).toBeGreaterThan(100)
  expect(await timed()).toBeLessThan(100)
})

test('an event that is too large is cut short and answered in its place, and the stream goes on', async () => {
  const large = `data: {"jsonrpc":"2.0","id":5,"result":"${'x'.repeat(100)}`
  const output = await through(80, ['data: a\n\n', large, 'x'.repeat(100), '"}\n\ndata: b\n\n'])
  expect(output.startsWith('data: a\n\n')).toBe(true)
  expect(output.endsWith(`\n\n${TOO_LARGE(5)}data: b\n\n`)).toBe(true)
  expect(output).not.toContain('x'.repeat(101))
})

test('an event that is too large is answered at its end when only that has the id', async () => {
  const output = await through(80, [
    `data: {"result":{"x":"${'x'.repeat(200)}"},`,
    '"jsonrpc":"2.0","id":6}\n',
    '\n',
    'data: b\n\n',
  ])
  expect(output.endsWith(`\n\n${TOO_LARGE(6)}data: b\n\n`)).toBe(true)
})

test('the stream that answers one request ends with the answer in place of the one that was too large', async () => {
  const output = await through(80, [': hi\n\n', `data: ${'x'.repeat(200)}`, 'data: never\n\n'], 9)
  expect(output).toBe(`: hi\n\n\n\n${TOO_LARGE(9)}`)
})

test.each([
  ['many events', 1000, 'a'],
  ['long events', 50, 'a'.repeat(40_000)],
])('everything else has its turn while %s come, each in a piece of its own', async (_what, length, data) => {
  let turns = 0
  const count = (): void => {
    turns += 1
    if (turns < 1000) setImmediate(count)
  }
  setImmediate(count)
  const events = Array.from({ length }, () => `data: ${data}\n\n`)
  await through(50_000, events)
  expect(turns).toBeGreaterThan(10)
})
