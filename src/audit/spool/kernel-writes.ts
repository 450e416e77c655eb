import { write, writeSync } from 'node:fs'
import type { Clock } from '../../domain/clock.ts'

/** What the kernel copies within some 20 µs. */
const SMALL_BYTES = 64 * 1024
/** A write that took longer shows that the file system lets its writers wait. */
const SLOW_MS = 10
const WARY_MS = 10_000

/** What `KernelWrites` need. */
export interface KernelWritesOptions {
  readonly clock: Pick<Clock, 'monotonic'>
  /** Writes in this thread, and returns how many bytes the kernel has taken; `writeSync` by default. */
  readonly writeHere?: ((fd: number, bytes: Buffer, start: number) => number) | undefined
}

/**
 * Hands bytes to the kernel. A small write that nothing holds up is done here, which takes less than a quarter of the
 * processor time of waking another thread for it, and does not wait until that has its turn. Where a write may be held up
 * another thread does it: while files are synced, which is where a slow disk shows first, and for a while after a write
 * that took long.
 */
export class KernelWrites {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #writeHere: NonNullable<KernelWritesOptions['writeHere']>
  #syncs = 0
  #waryUntil = -Infinity

  constructor({ clock, writeHere = writeSync }: KernelWritesOptions) {
    this.#clock = clock
    this.#writeHere = writeHere
  }

  /** Resolves once the kernel has all of the bytes. @throws Error when it does not take them; it may have a part */
  async write(fd: number, bytes: Buffer): Promise<void> {
    const startedAt = this.#clock.monotonic()
    if (bytes.length > SMALL_BYTES || this.#syncs > 0 || startedAt < this.#waryUntil)
      return await writtenElsewhere(fd, bytes)
    try {
      let written = 0
      while (written < bytes.length) written += this.#writeHere(fd, bytes, written)
    } finally {
      const endedAt = this.#clock.monotonic()
      if (endedAt - startedAt > SLOW_MS) this.#waryUntil = endedAt + WARY_MS
    }
  }

  /** Has files of the same disk synced. @throws what `sync` throws */
  async whileSyncing(sync: () => Promise<unknown>): Promise<void> {
    this.#syncs += 1
    try {
      await sync()
    } finally {
      this.#syncs -= 1
    }
  }
}

/** Half the cost of `appendFile`. */
function writtenElsewhere(fd: number, bytes: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const writeFrom = (start: number): void =>
    write(fd, bytes, start, (error, count) => {
      if (error !== null) reject(error)
      else if (start + count < bytes.length) writeFrom(start + count)
      else resolve()
    })
  writeFrom(0)
  return promise
}
