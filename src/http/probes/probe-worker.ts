import { createServer } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'
import { raisePriority } from '../../threads/priority.ts'
import type { ProbeState } from './probe-thread.ts'

/** The main thread says every quarter of a second how it is. */
const STUCK_AFTER_MS = 20_000

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- given by `startProbes`
const { host, port } = workerData as { readonly host: string; readonly port: number }
raisePriority()
let state: ProbeState = { isReady: false, body: '{"status":"not ready"}' }
let heardAt = Date.now()

parentPort?.on('message', (said: ProbeState | 'alive') => {
  heardAt = Date.now()
  if (said !== 'alive') state = said
})

const server = createServer(
  { headersTimeout: 5000, requestTimeout: 5000, keepAliveTimeout: 5000, maxHeaderSize: 8192 },
  (request, response) => {
    const isAlive = Date.now() - heardAt < STUCK_AFTER_MS
    const answer = (isWell: boolean, body: string): void => {
      const retry = isWell ? {} : { 'Retry-After': '1' }
      response.writeHead(isWell ? 200 : 503, { 'Content-Type': 'application/json', ...retry })
      response.end(body)
    }
    if (request.url === '/healthz') answer(isAlive, isAlive ? '{"status":"ok"}' : '{"status":"stuck"}')
    else if (request.url === '/readyz') answer(isAlive && state.isReady, state.body)
    else response.writeHead(404).end()
  },
)
server.on('error', (error) => {
  throw error
})
server.listen(port, host, () => {
  const address = server.address()
  parentPort?.postMessage(typeof address === 'object' ? address?.port : port, [])
})
