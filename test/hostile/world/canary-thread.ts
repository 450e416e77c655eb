/** A thread that calls a tool as another tenant every 50 ms, and says on request how that went. */
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'

/** What a canary saw since the last question. */
export interface CanaryReport {
  readonly times: readonly number[]
  readonly errors: readonly string[]
}

const EVERY_MS = 50
const { url, token } = workerData as { url: string; token: string }
const agent = new Agent({ keepAlive: true })
let times: number[] = []
let errors: string[] = []
let count = 0

parentPort?.on('message', () => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
  parentPort?.postMessage({ times, errors } satisfies CanaryReport)
  times = []
  errors = []
})
for (;;) {
  await call()
  await sleep(EVERY_MS)
}

async function call(): Promise<void> {
  const mark = `canary ${(count += 1)}`
  const started = performance.now()
  const body = JSON.stringify({ arguments: { mark } })
  const { status, text } = await ask(body)
  times.push(performance.now() - started)
  if (status !== 200 || !text.includes(mark)) errors.push(`${status} ${text.slice(0, 200)}`)
}

function ask(body: string): Promise<{ status: number; text: string }> {
  const { promise, resolve } = Promise.withResolvers<{ status: number; text: string }>()
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  }
  const sent = request(`${url}/v1/tools/canary_say`, { method: 'POST', headers, agent }, (answer) => {
    let text = ''
    answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
    answer.on('close', () => resolve({ status: answer.statusCode ?? 0, text }))
  })
  sent.on('error', (error) => resolve({ status: 0, text: error.message }))
  sent.end(body)
  return promise
}
