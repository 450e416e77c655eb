import { hkdfSync } from 'node:crypto'

const KEY_BYTES = 32

/** The keys that all replicas share: the current one seals, and both open, so that it can be changed under way. */
export interface KeyRing {
  /** 32 bytes, as is the previous one. */
  readonly current: Buffer
  readonly previous?: Buffer | undefined
}

/** The keys of one use, the current one first: each use has separate ones, so that none opens what is of another. */
export function keysFor({ current, previous }: KeyRing, use: string): readonly Buffer[] {
  return [current, ...(previous === undefined ? [] : [previous])].map((key) =>
    Buffer.from(hkdfSync('sha256', key, '', `tool-gateway ${use}`, KEY_BYTES)),
  )
}
