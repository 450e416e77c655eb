import { Agent } from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { type GatewayProcess, spawnGateway } from '../support/gateway-process.ts'
import { openIdle } from './idle.ts'

const SESSIONS = 300
const REPORT_HEAP = pathToFileURL(join(import.meta.dirname, '../support/report-heap.ts')).href

let gateway: GatewayProcess | undefined
const agent = new Agent({ keepAlive: true, maxSockets: 10 })

afterEach(async () => {
  agent.destroy()
  await gateway?.remove()
})

/** Bytes of the heap of a gateway that are in use, without garbage. */
async function heapInUse({ child, log }: GatewayProcess): Promise<number> {
  const reports = (): number[] => log.filter(({ msg }) => msg === 'heap').map(({ bytes }) => Number(bytes))
  const before = reports().length
  child.kill('SIGUSR2')
  return eventually(() => reports()[before], { what: 'the report of the heap' })
}

test('an idle session of HTTP with SSE takes less than 10 kB of heap, and nothing once it has ended', async () => {
  gateway = await spawnGateway({
    NODE_OPTIONS: `--import ${REPORT_HEAP}`,
    MAX_SESSIONS_PER_PRINCIPAL: '1000',
    MAX_CONNECTIONS_PER_ADDRESS: '2000',
  })
  const url = await gateway.url()
  const token = (await gateway.tg('token')).stdout.trim()
  const ready = async (): Promise<boolean> => (await fetch(`${url}/readyz`)).ok
  await eventually(ready, { what: 'the gateway ready' })
  const openSessions = async (): Promise<() => void> => {
    const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => openIdle(url, token, agent)))
    return () => sessions.forEach(({ stream }) => stream.destroy())
  }
  const allEnded = async (): Promise<boolean> => {
    const answer = await fetch(`${url}/v1/sessions`, { headers: { authorization: `Bearer ${token}` } })
    return !(await answer.text()).includes('"sse"')
  }
  // What is made once is there afterwards.
  ;(await openSessions())()
  await eventually(allEnded, { what: 'the end of the first sessions' })
  const before = await heapInUse(gateway)
  const end = await openSessions()
  const during = await heapInUse(gateway)
  end()
  await eventually(allEnded, { what: 'the end of the sessions' })
  const after = await heapInUse(gateway)
  expect((during - before) / SESSIONS).toBeLessThan(10_000)
  expect((after - before) / SESSIONS).toBeLessThan(2000)
}, 120_000)
