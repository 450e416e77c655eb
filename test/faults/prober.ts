/** A thread that asks whether a gateway is ready, each time on a new connection, until it is told to stop. */
import { parentPort, workerData } from 'node:worker_threads'

const url = String(workerData)
const times: number[] = []
const state = { isOver: false }

parentPort?.once('message', () => (state.isOver = true))
while (!state.isOver) {
  const started = performance.now()
  const answer = await fetch(`${url}/readyz`, { headers: { connection: 'close' } }).catch(() => undefined)
  await answer?.text()
  times.push(answer?.ok === true ? performance.now() - started : Number.POSITIVE_INFINITY)
  await new Promise((resolve) => setTimeout(resolve, 50))
}
parentPort?.postMessage(times, [])
