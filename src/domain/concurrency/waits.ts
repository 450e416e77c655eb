import { afterLimit, type Clock } from '../clock.ts'

/** Something that is pending, and its place among the others. */
export interface Pending {
  index: number
}

/** An unordered set of pending things: adding and removing are O(1), and a removed one is released at once. */
export class PendingSet<T extends Pending> {
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

/** The place of a thing in a `PendingList`; made once, and reused when the thing is added again. */
export class PendingPlace<T> {
  readonly item: T
  isTaken = false
  previous: PendingPlace<T> | undefined
  next: PendingPlace<T> | undefined

  constructor(item: T) {
    this.item = item
  }
}

/**
 * Pending things in insertion order, with the same guarantees. A `Set` allocates a new table for every few entries that are
 * added and removed, and the tables of a long-lived one are freed only by a full garbage collection.
 */
export class PendingList<T> {
  #first: PendingPlace<T> | undefined
  #last: PendingPlace<T> | undefined
  #size = 0

  /** The place of the oldest one. */
  get first(): PendingPlace<T> | undefined {
    return this.#first
  }

  get size(): number {
    return this.#size
  }

  /** Adds it as the last one. Idempotent. */
  add(place: PendingPlace<T>): void {
    if (place.isTaken) return
    place.isTaken = true
    place.previous = this.#last
    if (this.#last === undefined) this.#first = place
    else this.#last.next = place
    this.#last = place
    this.#size += 1
  }

  /** Whether it was there. */
  remove(place: PendingPlace<T>): boolean {
    if (!place.isTaken) return false
    const { previous, next } = place
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    // A removed place must not keep others in memory.
    place.previous = place.next = undefined
    place.isTaken = false
    this.#size -= 1
    return true
  }
}

/**
 * Defers tasks to the check phase of the event loop (`setImmediate`) and runs them in a row there, so that their code stays
 * in the caches of the processor. A task that is alone runs at once.
 */
export class TurnBatch {
  readonly #isAlone: () => boolean
  #tasks: (() => void)[] = []

  /** @param isAlone whether no other task is to be expected in this turn */
  constructor(isAlone: () => boolean) {
    this.#isAlone = isAlone
  }

  /** Runs a task now, or in the check phase. If one throws, the others run, and the error is an uncaught exception. */
  run(task: () => void): void {
    if (this.#tasks.length === 0 && this.#isAlone()) return task()
    if (this.#tasks.push(task) === 1) setImmediate(() => this.#runAll())
  }

  #runAll(): void {
    const tasks = this.#tasks
    this.#tasks = []
    for (const task of tasks) {
      try {
        task()
      } catch (error) {
        setImmediate(() => {
          throw error
        })
      }
    }
  }
}

/** A timeout, until it ends or is cancelled. */
export interface Timeout extends Pending {
  /** In monotonic milliseconds. */
  readonly at: number
  readonly task: () => void
}

/**
 * Many timeouts by one timer of a clock, for what almost always ends before: a call then needs no timer of its own.
 */
export class Timeouts {
  readonly #clock: Clock
  readonly #pending = new PendingSet<Timeout>()
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
    this.#cancelTimer = afterLimit(this.#clock, delayMs, () => this.#run())
  }

  #stopTimer(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#timerAt = Infinity
  }

  #run(): void {
    this.#stopTimer()
    const now = this.#clock.monotonic()
    // A task may cancel another task.
    for (const due of this.#pending.all.filter(({ at }) => at <= now))
      if (this.#pending.remove(due)) due.task()
    const next = this.#pending.all.reduce((earliest, { at }) => Math.min(earliest, at), Infinity)
    if (next < this.#timerAt) this.#wait(next, next - now)
  }
}

interface AbortListener extends Pending {
  readonly listener: () => void
}

const listening = new WeakMap<AbortSignal, PendingSet<AbortListener>>()

/**
 * Calls `listener` once when the signal aborts, unless the returned function, which is idempotent, is called before. The
 * signal has one listener for all of them.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const listeners = listening.get(signal) ?? listenTo(signal)
  const pending = { listener, index: 0 }
  listeners.add(pending)
  return () => void listeners.remove(pending)
}

function listenTo(signal: AbortSignal): PendingSet<AbortListener> {
  const listeners = new PendingSet<AbortListener>()
  listening.set(signal, listeners)
  signal.addEventListener('abort', () => callAll(listeners), { once: true })
  return listeners
}

/** A listener may remove another one. */
function callAll(listeners: PendingSet<AbortListener>): void {
  for (const pending of listeners.all.slice()) if (listeners.remove(pending)) pending.listener()
}
