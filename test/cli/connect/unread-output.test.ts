import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { BridgeProcess } from '../../support/bridge-process.ts'
import { BridgeWorld, events, json, resultFor } from '../../support/bridge-world.ts'
import { eventually } from '../../support/eventually.ts'

/** Of 64 KiB, so 64 MiB in all. */
const PIECES = 1024
const PIECE = 'x'.repeat(65_536)
/** 24 MiB: more than the buffers of the sockets and of the pipe hold. */
const MAX_TAKEN = 384
const STILL = 20

let world: BridgeWorld
let bridge: BridgeProcess

beforeEach(async () => {
  world = await BridgeWorld.open()
  bridge = world.start()
  bridge.read(false)
})

afterEach(() => world[Symbol.asyncDispose]())

function call(id: number): void {
  bridge.send({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'x' } })
}

/** Sends pieces as fast as the other side takes them, and counts those that it took. */
class Sending {
  taken = 0

  async send(response: ServerResponse, pieceAt: (index: number) => string): Promise<void> {
    for (let index = 0; index < PIECES; index += 1) {
      if (!response.write(pieceAt(index))) await once(response, 'drain')
      this.taken += 1
    }
    response.end()
  }

  /** Resolves when no piece was taken for some looks, which is at the end if nothing holds them up. */
  async isStill(): Promise<void> {
    let last = 0
    let looks = 0
    await eventually(() => {
      looks = this.taken === last && last > 0 ? looks + 1 : 0
      last = this.taken
      return looks >= STILL
    })
  }
}

function note(index: number): string {
  const params = { index, data: PIECE }
  return `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params })}\n\n`
}

test('what a server sends stays there while the client does not read, and so do further requests; then all arrives', async () => {
  const sending = new Sending()
  world.answer = (response) => {
    world.answer = (second, { body }) => json(second, resultFor(body))
    void sending.send(events(response, ': hello\n\n'), note)
  }
  call(1)
  await sending.isStill()
  expect(sending.taken).toBeLessThan(MAX_TAKEN)
  call(2)
  await sending.isStill()
  expect(world.seen).toHaveLength(1)
  bridge.read(true)
  await bridge.answerTo(2)
  await eventually(() => bridge.lines.length > PIECES)
  const indexes = bridge.lines.map((line) => /"index":(\d+)/.exec(line)?.[1]).filter(Boolean)
  expect(indexes).toEqual(Array.from({ length: PIECES }, (_, index) => String(index)))
})

test('a response that is no stream is not read either while the client does not read', async () => {
  const waiting: ServerResponse[] = []
  world.answer = (response) => void waiting.push(response)
  call(1)
  call(2)
  await eventually(() => waiting.length === 2)
  const [first, second] = waiting as [ServerResponse, ServerResponse]
  json(first, `{"jsonrpc":"2.0","id":1,"result":{"x":"${PIECE.repeat(16)}"}}`)
  await eventually(() => first.writableFinished)
  const sending = new Sending()
  second.writeHead(200, { 'content-type': 'application/json' })
  void sending.send(second, () => PIECE)
  await sending.isStill()
  expect(sending.taken).toBeLessThan(MAX_TAKEN)
})

test('a bridge whose output is not read ends with a signal', async () => {
  const sending = new Sending()
  world.answer = (response) => void sending.send(events(response, ': hello\n\n'), note)
  call(1)
  await sending.isStill()
  bridge.kill('SIGTERM')
  expect(await bridge.exitCode()).toBe(0)
})
