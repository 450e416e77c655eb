import type { Attributes, Counter, Meter, ObservableResult } from '@opentelemetry/api'

/** A cache, and what became of the looks into it. */
export interface CacheState {
  /** One of a fixed set. */
  readonly name: string
  readonly entries: number
  readonly bytes: number
  readonly hits: number
  readonly misses: number
  readonly evictions: number
}

/** What caches hold and save, and what became of prompts that were to be enhanced. */
export class CacheMetrics {
  readonly #enhancements: Counter
  /** Label objects that were used before. Outcomes are a fixed set. */
  readonly #attributes = new Map<string, Attributes>()

  /** @param options.caches read when the metrics are */
  constructor(meter: Meter, options: { caches: () => Iterable<CacheState> }) {
    this.#enhancements = meter.createCounter('gateway.enhancements', {
      description: 'Prompts that were to be enhanced, by outcome',
    })
    const each = (observe: (state: CacheState) => void): void => {
      for (const state of options.caches()) observe(state)
    }
    const gauge = (name: string, description: string, of: (state: CacheState) => number): void =>
      meter.createObservableGauge(name, { description }).addCallback((result: ObservableResult) => {
        each((state) => result.observe(of(state), { cache: state.name }))
      })
    gauge('gateway.cache.entries', 'Entries of a cache', ({ entries }) => entries)
    gauge('gateway.cache.bytes', 'Size of a cache in bytes', ({ bytes }) => bytes)
    meter
      .createObservableCounter('gateway.cache.lookups', { description: 'Cache lookups, by outcome' })
      .addCallback((result) => {
        each(({ name, hits, misses }) => {
          result.observe(hits, { cache: name, outcome: 'hit' })
          result.observe(misses, { cache: name, outcome: 'miss' })
        })
      })
    meter
      .createObservableCounter('gateway.cache.evictions', {
        description:
          'Entries that made room for others; if there are many, raise CACHE_MAX_ENTRIES or CACHE_MAX_BYTES',
      })
      .addCallback((result) => each(({ name, evictions }) => result.observe(evictions, { cache: name })))
  }

  /** Counts a prompt that was enhanced, or why it was not. */
  enhancement(outcome: string): void {
    const known = this.#attributes.get(outcome)
    const attributes = known ?? { outcome }
    if (known === undefined) this.#attributes.set(outcome, attributes)
    this.#enhancements.add(1, attributes)
  }
}
