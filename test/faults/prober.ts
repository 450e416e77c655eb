/** A thread that asks whether a gateway is alive and ready, each time on a new connection, until it is told to stop. */
import { request } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'
import { raisePriority } from '../../src/threads/priority.ts'

/** What one probe took, in milliseconds; infinite where it was not answered with 200. */
export interface Probe {
  readonly connectedMs: number
  readonly ms: number
}

const EVERY_MS = 25
const PATHS = ['/readyz', '/healthz'] as const

function probe(url: string): Promise<Probe> {
  const { promise, resolve } = Promise.withResolvers<Probe>()
  const started = performance.now()
  let connectedMs = Number.POSITIVE_INFINITY
  const done = (isRight: boolean): void =>
    resolve({ connectedMs, ms: isRight ? performance.now() - started : Number.POSITIVE_INFINITY })
  request(url, { agent: false })
    .on('socket', (socket) => socket.once('connect', () => (connectedMs = performance.now() - started)))
    .on('response', (answer) => answer.resume().on('end', () => done(answer.statusCode === 200)))
    .on('error', () => done(false))
    .end()
  return promise
}

// What is measured is the gateway, not how long this thread waits for the load that is made beside it.
raisePriority()
const probes: Probe[] = []
const state = { isOver: false }
parentPort?.once('message', () => (state.isOver = true))
// The first ones take the time in which their code is compiled.
for (const path of PATHS) await probe(`${String(workerData)}${path}`)
for (let count = 0; !state.isOver; count += 1) {
  probes.push(await probe(`${String(workerData)}${PATHS[count % 2]}`))
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
}
parentPort?.postMessage(probes, [])
