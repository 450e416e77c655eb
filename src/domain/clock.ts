/** The longest delay that a timer can have, in milliseconds: 24.8 days. */
export const LONGEST_DELAY_MS = 2 ** 31 - 1

/** Time as a dependency, so that tests control it. */
export interface Clock {
  /** Wall time in milliseconds since the epoch. */
  now(): number
  /** Monotonic time in milliseconds; only differences are meaningful. */
  monotonic(): number
  /** Runs `task` once after `delayMs`; the returned function cancels it. Never keeps the process alive. */
  after(delayMs: number, task: () => void): () => void
  /**
   * Runs `task` once at that instant of `monotonic()`, whatever the process did before: never earlier, nor before `at` has
   * returned, and later only by what is going on then.
   */
  at(instantMs: number, task: () => void): void
}

/**
 * A timer ends a whole number of milliseconds after the event loop began to wait, so that its fraction of a millisecond
 * tells how long was worked before. The last of the time is waited for in turns of the loop, which do everything else
 * that there is to do: enough for a timer that is late because the machine is busy, too.
 */
const LAST_TURNS_MS = 1

/** The clock of the machine; its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs)
    timer.unref()
    return () => clearTimeout(timer)
  },
  at: (instantMs, task) => {
    const turn = (): void => {
      if (performance.now() < instantMs) setImmediate(turn)
      else task()
    }
    const sleepMs = Math.floor(instantMs - performance.now() - LAST_TURNS_MS)
    if (sleepMs < 1) setImmediate(turn)
    else setTimeout(turn, sleepMs).unref()
  },
}

/** Runs `task` every `intervalMs`, first after one interval, until the returned function is called. */
export function repeat(clock: Clock, intervalMs: number, task: () => void): () => void {
  let cancel: () => void
  const schedule = (): void => {
    cancel = clock.after(intervalMs, () => {
      schedule()
      task()
    })
  }
  schedule()
  return () => cancel()
}

/** Resolves after `delayMs`, or at once when `signal` aborts; it never rejects. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve()
  const { promise, resolve } = Promise.withResolvers<void>()
  const cancel = clock.after(delayMs, resolve)
  const stop = (): void => {
    cancel()
    resolve()
  }
  signal?.addEventListener('abort', stop, { once: true })
  return promise.finally(() => signal?.removeEventListener('abort', stop))
}

/** A timer that is later than this found the event loop busy, in milliseconds. */
const LATE_MS = 10

/**
 * Runs `task` once after `delayMs`, which is the limit of a wait for others; the returned function cancels it. Where the event
 * loop was busy when the time was over, what others have done is not known yet, because timers come first: then the wait goes
 * on for as long as the timer was late, once, and for no longer than `delayMs`.
 */
export function afterLimit(clock: Clock, delayMs: number, task: () => void): () => void {
  const dueMs = clock.monotonic() + delayMs
  let cancel = clock.after(delayMs, () => {
    const lateMs = clock.monotonic() - dueMs
    if (lateMs < LATE_MS) task()
    else cancel = clock.after(Math.min(lateMs, delayMs), task)
  })
  return () => cancel()
}

/** Whether a promise is fulfilled within `withinMs`; resolves as soon as that is known. */
export async function isWithin(clock: Clock, awaited: Promise<unknown>, withinMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>()
  const cancel = afterLimit(clock, withinMs, () => resolve(false))
  try {
    return await Promise.race([awaited.then(() => true), late])
  } finally {
    cancel()
  }
}
