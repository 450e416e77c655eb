import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'
import type { SeenCall } from './history.ts'

/** What came of one call. */
export interface Outcome extends SeenCall {
  readonly status: number
  readonly ms: number
  /** When it ended, in milliseconds since the epoch. */
  readonly endedAt: number
  readonly retryAfter: string | undefined
}

/** One REST call on a connection of the agent; status 0 when there was no answer. */
export function callTool(
  url: string,
  options: { token: string; tool: string; tenantId: string; agent: Agent; args?: Record<string, unknown> },
): Promise<Outcome> {
  const { token, tool, tenantId, agent, args = {} } = options
  const id = randomUUID()
  const body = JSON.stringify({ arguments: { id, ...args } })
  const started = performance.now()
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  const done = (status: number, answers: string[], retryAfter?: string): void => {
    const now = performance.now()
    const endedAt = performance.timeOrigin + now
    resolve({ id, tenantId, status, answers, retryAfter, ms: now - started, endedAt })
  }
  const sent = request(`${url}/v1/tools/${tool}`, {
    method: 'POST',
    agent,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'x-request-id': id,
    },
  })
  sent.on('response', (response) => {
    let text = ''
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    response.on('end', () =>
      done(
        response.statusCode ?? 0,
        response.statusCode === 200 ? [text] : [],
        response.headers['retry-after'],
      ),
    )
    response.on('error', () => done(0, []))
  })
  sent.on('error', () => done(0, []))
  sent.end(body)
  return promise
}

/** How `load` calls. */
export interface LoadOptions {
  readonly callers: number
  readonly ms: number
  readonly token: string
  readonly tenantId?: string
  readonly tool?: string
  readonly args?: Record<string, unknown>
  /** Time between two calls of a caller; none by default. */
  readonly pauseMs?: number
}

/** Callers that call one time after the other until the time is over, each on a connection of its own. */
export async function load(url: string, options: LoadOptions): Promise<Outcome[]> {
  const { callers, ms, token, tenantId = 'acme', tool = 'ledger_write', args, pauseMs = 0 } = options
  const agent = new Agent({ keepAlive: true, maxSockets: callers })
  const outcomes: Outcome[] = []
  const end = performance.now() + ms
  const run = async (): Promise<void> => {
    while (performance.now() < end) {
      const outcome = await callTool(url, { token, tool, tenantId, agent, ...(args && { args }) })
      outcomes.push(outcome)
      const waitMs = outcome.status === 0 ? 20 : pauseMs
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    }
  }
  await Promise.all(Array.from({ length: callers }, run))
  agent.destroy()
  return outcomes
}

/** The value below which that share of values is. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
}

/** How many outcomes had each status. */
export function statuses(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status } of outcomes) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
