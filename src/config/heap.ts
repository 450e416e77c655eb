import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'

/**
 * Has V8 make every object among the young ones. It notes which code makes objects that stay, and makes those among the old
 * ones at once; the code that makes the response of an event stream, which stays open for hours, makes all other responses,
 * too. What a request needs would be old from the start then, and keep what is young alive until the next full collection.
 */
const YOUNG = '--no-allocation-site-pretenuring'
/**
 * Has V8 collect what is young when there are 32 MB of young memory outside of its heap, such as the chunks of results. By
 * itself it waits for more than it lets gather: there was a full collection for each 64 MB, and that cost as much as all else
 * that is done for a result of 1 MB. V8 reads this when it starts, too, for the size of the young generation: not here.
 */
const YOUNG_CHUNKS = '--scavenger-max-new-space-capacity-mb=8'
/**
 * Has V8 let the old generation grow to three times its size between two full collections, as it does itself under load; with
 * less than that, results that pass in chunks caused more of them. By itself it lets it grow by a tenth
 * where little was made for a while, and begins a collection when less than the size of the young generation is left of that:
 * each burst after a rest had two or three full collections of a heap that hardly grows.
 */
const OLD_GROWTH = '--heap-growing-percent=200'

/** Sets up V8's memory. Call it before modules are loaded: a compile cache has different folders for different flags. */
export function setUpHeap({ NODE_COMPILE_CACHE: opened }: NodeJS.ProcessEnv): void {
  // Node has opened that cache before, and would take nothing from it any more.
  if (opened !== undefined) return
  setFlagsFromString(YOUNG)
  setFlagsFromString(YOUNG_CHUNKS)
  setFlagsFromString(OLD_GROWTH)
}

/** What the young generation takes when it has grown to a quarter of what V8 lets it have, in bytes. */
const ENOUGH = 32 * 1024 * 1024
/** Collections of it in so many different seconds of a minute show that it is worth more; a start and a burst are over before. */
const OFTEN = 30
const WITHIN_S = 60

/**
 * Has V8 let the young generation grow to 32 MB, and to all 128 MB only where it is collected in half of the seconds of a
 * minute, as with calls all the time: then the memory saves work. What comes and stays, as thousands of sessions do, makes it
 * grow, too, and would not need it. Where a flag of V8 says how large it may be, that is all there is.
 * @returns ends it, and must be called before Node writes a compile cache
 */
export function boundYoung({ NODE_OPTIONS: options = '' }: NodeJS.ProcessEnv): () => void {
  if (/semi.space/.test([options, ...process.execArgv].join(' '))) return () => undefined
  const growth = new YoungGrowth()
  let isBound = false
  const bound = (isNow: boolean): void => {
    if (isNow !== isBound) setFlagsFromString(`--semi-space-growth-factor=${isNow ? 1 : 2}`)
    isBound = isNow
  }
  const observer = new PerformanceObserver((list) => {
    for (const { startTime } of list.getEntries()) growth.collected(startTime)
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')
    bound(!growth.mayGrow(young?.space_size ?? 0))
  })
  observer.observe({ entryTypes: ['gc'] })
  return () => {
    observer.disconnect()
    bound(false)
  }
}

/** Whether the young generation may grow. */
export class YoungGrowth {
  /** The last seconds in which there were collections. */
  readonly #seconds: number[] = []

  /** There was a collection. @param at milliseconds */
  collected(at: number): void {
    const second = Math.floor(at / 1000)
    if (second === this.#seconds.at(-1)) return
    this.#seconds.push(second)
    if (this.#seconds.length > OFTEN) this.#seconds.shift()
  }

  /** @param size what it takes now, in bytes */
  mayGrow(size: number): boolean {
    if (size < ENOUGH) return true
    const [oldest = 0] = this.#seconds
    return this.#seconds.length === OFTEN && (this.#seconds.at(-1) ?? 0) - oldest < WITHIN_S
  }
}
