import type { Gateway } from '../comparison/gateway.ts'
import { type Caller, openCaller } from './caller.ts'

const CALLERS = 8

/** What callers saw while something else went on. */
export interface Phase {
  /** How long it took, in milliseconds. */
  readonly wallMs: number
  /** What each answered call took, in milliseconds. */
  readonly times: readonly number[]
  /** How often each kind of failure was the answer. */
  readonly failures: ReadonlyMap<string, number>
}

/** Eight callers of a tool over 2026-07-28, each with a token of its own. */
export async function modernCallers(gateway: Gateway, tool: string): Promise<Caller[]> {
  const tokens = await Promise.all(
    Array.from({ length: CALLERS }, (_, index) => gateway.token(`caller-${index}`)),
  )
  const job = { way: 'modern', url: `${gateway.url}/mcp`, tool, tokens, callers: CALLERS } as const
  const none = { calls: 0, warmUp: 0, bytes: 0, progress: 0 }
  return Promise.all(tokens.map((_, index) => openCaller({ ...job, ...none }, index)))
}

let calls = 0

/** Has each caller make one call after the other until the work is done. Rejects when the work fails. */
export async function callsDuring(callers: readonly Caller[], work: () => Promise<unknown>): Promise<Phase> {
  const times: number[] = []
  const failures = new Map<string, number>()
  const over = new AbortController()
  const loop = async (caller: Caller): Promise<void> => {
    while (!over.signal.aborted) {
      const before = performance.now()
      try {
        // oxlint-disable-next-line no-await-in-loop -- a closed loop
        await caller.call(`call-${(calls += 1)}`)
        times.push(performance.now() - before)
      } catch (error) {
        const kind = kindOf(error)
        failures.set(kind, (failures.get(kind) ?? 0) + 1)
      }
    }
  }
  const start = performance.now()
  const loops = Promise.all(callers.map(loop))
  try {
    await work()
  } finally {
    over.abort()
    await loops
  }
  return { wallMs: performance.now() - start, times, failures }
}

/** How often each kind of failure was met, for people; the empty text if there was none. */
export function failuresIn({ failures }: Pick<Phase, 'failures'>): string {
  return [...failures].map(([kind, count]) => `${count} × ${kind}`).join(', ')
}

/** What a failure is counted as: its status, without the text of the answer. */
export function kindOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return /^answered \d{3}/.exec(message)?.[0] ?? message.slice(0, 80)
}
