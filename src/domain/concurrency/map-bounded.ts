import { GatewayError } from '../errors/errors.ts'

/**
 * Does something for each item, at most `limit` at the same time, and resolves with the results in order. The first
 * failure aborts the others' signal, and no further item begins.
 */
export async function mapBounded<T, R>(
  items: readonly T[],
  { limit, signal }: { limit: number; signal?: AbortSignal },
  work: (item: T, index: number, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const own = new AbortController()
  const ofAll = signal === undefined ? own.signal : AbortSignal.any([signal, own.signal])
  const results = new Map<number, R>()
  const waiting = items.entries()
  const lane = async (): Promise<void> => {
    for (const [index, item] of waiting) {
      if (ofAll.aborted) throw new GatewayError('cancelled')
      try {
        results.set(index, await work(item, index, ofAll))
      } catch (error) {
        own.abort()
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane))
  return [...results].toSorted(([a], [b]) => a - b).map(([, result]) => result)
}
