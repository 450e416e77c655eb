import { LRUCache } from 'lru-cache'
import type { Clock } from '../domain/clock.ts'

/** What a cache holds, and what became of the looks into it. */
export interface CacheFigures {
  readonly entries: number
  readonly bytes: number
  readonly hits: number
  readonly misses: number
  /** Entries that went to make room, before their time was over. */
  readonly evictions: number
}

/** Whose entry it is, and which: the digest stands for everything that the value depends on. */
export interface CacheKey {
  readonly tenantId: string
  readonly digest: string
}

type Counts = { hits: number; misses: number; evictions: number }

/** Tenants whose counts are kept, those that looked last. */
const MAX_TENANTS = 1000
/** Size of an entry without its value, in bytes. */
const ENTRY_OVERHEAD_BYTES = 200

/**
 * A cache of texts, limited in entries and bytes; the least recently used entries are dropped first. An entry is found
 * only under the tenant that it was stored for.
 */
export class BoundedCache {
  readonly #entries: LRUCache<string, string>
  readonly #ofTenants = new LRUCache<string, Counts>({ max: MAX_TENANTS })
  readonly #total: Counts = newCounts()

  /** @param options.maxBytes of all entries together; a text of more than a tenth of it is not kept */
  constructor(options: { maxEntries: number; maxBytes: number; clock: Clock }) {
    const { maxEntries, maxBytes, clock } = options
    this.#entries = new LRUCache<string, string>({
      max: maxEntries,
      maxSize: maxBytes,
      maxEntrySize: Math.max(1, Math.floor(maxBytes / 10)),
      sizeCalculation: (text) => Buffer.byteLength(text) + ENTRY_OVERHEAD_BYTES,
      // It takes a time of 0 for none.
      perf: { now: () => clock.monotonic() + 1 },
      ttlResolution: 0,
      ttlAutopurge: false,
      dispose: (_text, key, reason) => {
        if (reason === 'evict') this.#count(tenantOf(key), 'evictions')
      },
    })
  }

  /** The text that was kept, or undefined; counts as a hit or a miss. */
  get(key: CacheKey): string | undefined {
    const text = this.#entries.get(nameOf(key))
    this.#count(key.tenantId, text === undefined ? 'misses' : 'hits')
    return text
  }

  /** Keeps a text for `ttlMs` milliseconds, unless it is too large. */
  set(key: CacheKey, text: string, ttlMs: number): void {
    this.#entries.set(nameOf(key), text, { ttl: ttlMs })
  }

  /** Forgets what is kept for a tenant, or everything; returns how many entries that were. */
  clear(tenantId?: string): number {
    const names = [...this.#entries.keys()].filter(
      (name) => tenantId === undefined || tenantOf(name) === tenantId,
    )
    for (const name of names) this.#entries.delete(name)
    return names.length
  }

  /** The figures of one tenant, or of all together. */
  figures(tenantId?: string): CacheFigures {
    this.#entries.purgeStale()
    if (tenantId === undefined)
      return { entries: this.#entries.size, bytes: this.#entries.calculatedSize, ...this.#total }
    let entries = 0
    let bytes = 0
    for (const [name, text] of this.#entries.entries()) {
      if (tenantOf(name) !== tenantId) continue
      entries += 1
      bytes += Buffer.byteLength(text) + ENTRY_OVERHEAD_BYTES
    }
    return { entries, bytes, ...(this.#ofTenants.get(tenantId) ?? newCounts()) }
  }

  #count(tenantId: string, what: keyof Counts): void {
    let counts = this.#ofTenants.get(tenantId)
    if (counts === undefined) {
      counts = newCounts()
      this.#ofTenants.set(tenantId, counts)
    }
    counts[what] += 1
    this.#total[what] += 1
  }
}

function newCounts(): Counts {
  return { hits: 0, misses: 0, evictions: 0 }
}

/** No tenant id has a space. */
function nameOf({ tenantId, digest }: CacheKey): string {
  return `${tenantId} ${digest}`
}

function tenantOf(name: string): string {
  return name.slice(0, name.indexOf(' '))
}
