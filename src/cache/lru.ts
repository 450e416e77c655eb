import { LRUCache } from 'lru-cache'

/**
 * The last `max` entries that were used. It takes memory as they come: the library takes it for all of them at once
 * where it is told their number, ten thousand a dozen times in each start.
 */
export function lruCache<Value extends object | string | true>(
  max: number,
  options: Pick<LRUCache.Options<string, Value, unknown>, 'ttl' | 'perf' | 'ttlResolution'> = {},
): LRUCache<string, Value> {
  return new LRUCache<string, Value>({ ...options, maxSize: max, sizeCalculation: () => 1 })
}

/** The buffers that were used last, `maxBytes` of them together. */
export function bufferCache(maxBytes: number): LRUCache<string, Buffer> {
  return new LRUCache<string, Buffer>({
    maxSize: maxBytes,
    sizeCalculation: ({ length }) => Math.max(length, 1),
  })
}
