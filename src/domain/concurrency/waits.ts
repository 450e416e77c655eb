import type { Clock } from '../clock.ts'

/** Something that is pending, and its place among the others. */
interface Pending {
  index: number
}

/** Pending things in no order. Each is added and removed with one step, and nothing of it stays behind. */
class Pool<T extends Pending> {
  readonly all: T[] = []

  add(pending: T): void {
    pending.index = this.all.length
    this.all.push(pending)
  }

  /** Whether it was there. */
  remove(pending: T): boolean {
    const { index } = pending
    if (this.all[index] !== pending) return false
    const last = this.all.pop()
    if (last !== undefined && last !== pending) {
      last.index = index
      this.all[index] = last
    }
    return true
  }
}

/** A timeout, until it ends or is cancelled. */
export interface Timeout extends Pending {
  /** In monotonic milliseconds. */
  readonly at: number
  readonly task: () => void
}

/**
 * Many timeouts by one timer of a clock, for what almost always ends before: a timer for each would cost a call several times
 * as much.
 */
export class Timeouts {
  readonly #clock: Clock
  readonly #pending = new Pool<Timeout>()
  #timerAt = Infinity
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Runs `task` once after `delayMs`, unless it is cancelled before. */
  after(delayMs: number, task: () => void): Timeout {
    const timeout = { at: this.#clock.monotonic() + delayMs, task, index: 0 }
    this.#pending.add(timeout)
    if (timeout.at < this.#timerAt) this.#wait(timeout.at, delayMs)
    return timeout
  }

  /** Idempotent. */
  cancel(timeout: Timeout): void {
    this.#pending.remove(timeout)
    if (this.#pending.all.length === 0) this.#stopTimer()
  }

  #wait(at: number, delayMs: number): void {
    this.#stopTimer()
    this.#timerAt = at
    this.#cancelTimer = this.#clock.after(delayMs, () => this.#run())
  }

  #stopTimer(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#timerAt = Infinity
  }

  #run(): void {
    this.#stopTimer()
    const now = this.#clock.monotonic()
    // A task may cancel another one.
    for (const due of this.#pending.all.filter(({ at }) => at <= now))
      if (this.#pending.remove(due)) due.task()
    const next = this.#pending.all.reduce((earliest, { at }) => Math.min(earliest, at), Infinity)
    if (next < this.#timerAt) this.#wait(next, next - now)
  }
}

interface AbortListener extends Pending {
  readonly listener: () => void
}

const listening = new WeakMap<AbortSignal, Pool<AbortListener>>()

/**
 * Calls `listener` once when the signal aborts, unless the returned function, which is idempotent, is called before. Where
 * many wait for one signal in turn, it costs a tenth of a listener of the signal itself.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  let pool = listening.get(signal)
  if (pool === undefined) {
    const listeners = new Pool<AbortListener>()
    pool = listeners
    listening.set(signal, pool)
    signal.addEventListener('abort', () => callAll(listeners), { once: true })
  }
  const pending = { listener, index: 0 }
  pool.add(pending)
  return () => void pool.remove(pending)
}

/** A listener may remove another one. */
function callAll(listeners: Pool<AbortListener>): void {
  for (const pending of listeners.all.slice()) if (listeners.remove(pending)) pending.listener()
}
