import { once } from 'node:events'
import { type Clock, repeat } from '../../domain/clock.ts'
import { startThread } from '../../threads/start-thread.ts'

/** What `/readyz` answers. */
export interface ProbeState {
  readonly isReady: boolean
  /** JSON. */
  readonly body: string
}

const SAY_EVERY_MS = 250

/** The probes on a port of their own, in a thread of their own: they answer however busy the gateway is. */
export interface ProbeThread {
  readonly port: number
  /** Has the thread know of a change at once. */
  say(): void
  /** Idempotent. */
  close(): Promise<void>
}

/**
 * Starts it. `/healthz` is 503 when the main thread has been stuck for 20 seconds.
 * @throws Error of the system, such as EADDRINUSE
 */
export async function startProbes(options: {
  readonly host: string
  readonly port: number
  readonly stateOf: () => ProbeState
  readonly clock: Clock
}): Promise<ProbeThread> {
  const { host, port, stateOf, clock } = options
  const worker = startThread(import.meta, './probe-worker', { host, port })
  const listening: readonly unknown[] = await once(worker, 'message')
  worker.unref()
  let said = ''
  const say = (): void => {
    const state = stateOf()
    const text = `${state.isReady} ${state.body}`
    worker.postMessage(text === said ? 'alive' : state, [])
    said = text
  }
  say()
  const stop = repeat(clock, SAY_EVERY_MS, say)
  return {
    port: Number(listening[0]),
    say,
    close: async () => {
      stop()
      await worker.terminate()
    },
  }
}
