import type { Balancer, Candidate } from './balancer.ts'

/**
 * Picks the same instance for the same key; each instance gets a number of keys in proportion to its weight. When an
 * instance leaves, only its keys move, and they return with it (rendezvous hashing). Without a key it picks at random.
 */
export class ConsistentHash implements Balancer {
  readonly #random: () => number

  constructor(options: { random: () => number }) {
    this.#random = options.random
  }

  pick<T extends Candidate>(candidates: readonly T[], key?: string): T | undefined {
    if (key === undefined) return candidates[Math.floor(this.#random() * candidates.length)]
    const start = hashed(key, FNV_OFFSET)
    let best: T | undefined
    let bestScore = Number.POSITIVE_INFINITY
    for (const candidate of candidates) {
      const score = -Math.log(unit(hashed(candidate.id, start))) / candidate.weight
      if (score >= bestScore) continue
      best = candidate
      bestScore = score
    }
    return best
  }
}

const FNV_OFFSET = 0x81_1c_9d_c5
const FNV_PRIME = 0x01_00_01_93

/** FNV-1a over UTF-16 code units. */
function hashed(text: string, start: number): number {
  let hash = start
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME)
  }
  return hash
}

/** Maps a hash, whose low bits depend most on the last characters, to a number between 0 and 1. */
function unit(hash: number): number {
  let mixed = hash ^ (hash >>> 16)
  mixed = Math.imul(mixed, 0x85_eb_ca_6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2_b2_ae_35)
  mixed ^= mixed >>> 16
  return ((mixed >>> 0) + 1) / (2 ** 32 + 1)
}
