/** Work that can pause wherever it yields, which is every few milliseconds. */
export type Slices<T> = Generator<void, T, void>

interface Waiting {
  /** Does one slice; says whether more are left. */
  readonly advance: () => boolean
}

/** All sliced work of this process, round-robin: other tasks of the event loop run after each slice. */
const waiting: Waiting[] = []
let isScheduled = false

/** Does work as a whole, without a pause. */
export function atOnce<T>(work: Slices<T>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

/**
 * Does work so that nothing else in the process waits for more than a slice of it. Returns the result if one slice was
 * enough, otherwise a promise. Throws, or rejects, as the work does.
 */
export function inSlices<T>(work: Slices<T>): T | Promise<T> {
  const first = work.next()
  if (first.done === true) return first.value
  return new Promise<T>((resolve, reject) => {
    waiting.push({
      advance: () => {
        try {
          const step = work.next()
          if (step.done !== true) return true
          resolve(step.value)
        } catch (error) {
          reject(error)
        }
        return false
      },
    })
    schedule()
  })
}

function schedule(): void {
  if (isScheduled || waiting.length === 0) return
  isScheduled = true
  setImmediate(() => {
    isScheduled = false
    const work = waiting.shift()
    if (work?.advance() === true) waiting.push(work)
    schedule()
  })
}
