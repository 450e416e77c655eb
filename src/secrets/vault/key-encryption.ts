/** The key of an entry, encrypted by a key that does not leave its keeper. */
export interface WrappedKey {
  /** Which key encrypted it. */
  readonly by: string
  readonly bytes: Buffer
}

/** Encrypts the keys of the entries of a vault. What was wrapped in one context opens in no other. */
export interface KeyEncryption {
  /** @throws KeysUnavailable */
  wrap(key: Buffer, context: Buffer): Promise<WrappedKey>
  /** @throws KeysUnavailable when nothing was learnt about the key; KeyRefused when it cannot be opened */
  unwrap(wrapped: WrappedKey, context: Buffer): Promise<Buffer>
  /** Whether keys are wrapped by the same key today. */
  isCurrent(wrapped: WrappedKey): boolean
  /** Wraps by a new key from now on, where that is decided here; what was wrapped before still opens. */
  rotate(): Promise<void>
}

/** The keeper of keys does not answer, or is not set up. The message has no part of a key. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable'
}

/** A key does not open: it was altered, belongs to another entry, or what wrapped it is gone. */
export class KeyRefused extends Error {
  override readonly name = 'KeyRefused'
}
