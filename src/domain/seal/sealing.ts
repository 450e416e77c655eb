import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { type KeyRing, keysFor } from './key-ring.ts'

const CIPHER = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16

/** Seals texts for one use: only holders of the key can read or change them, and each opens only for its binding. */
export class Sealing {
  readonly #keys: readonly Buffer[]
  readonly #current: Buffer

  constructor(ring: KeyRing, use: string) {
    this.#keys = keysFor(ring, use)
    this.#current = this.#keys[0] ?? ring.current
  }

  /** The sealed text, in characters that URLs and headers take. */
  seal(text: string, boundTo: string): string {
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv(CIPHER, this.#current, iv)
    cipher.setAAD(digestOf(boundTo))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')
  }

  /** The text; undefined if it was not sealed with a key of this ring for this use and `boundTo`. */
  open(sealed: string, boundTo: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url')
    // One text, one spelling: what is looked up by the sealed text must not have two names.
    if (bytes.length < IV_BYTES + TAG_BYTES || bytes.toString('base64url') !== sealed) return undefined
    const bound = digestOf(boundTo)
    for (const key of this.#keys) {
      const text = decrypted(bytes, key, bound)
      if (text !== undefined) return text
    }
    return undefined
  }
}

function decrypted(bytes: Buffer, key: Buffer, bound: Buffer): string | undefined {
  try {
    const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
    decipher.setAAD(bound)
    decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
    const content = bytes.subarray(IV_BYTES + TAG_BYTES)
    return Buffer.concat([decipher.update(content), decipher.final()]).toString('utf8')
  } catch {
    return undefined
  }
}

function digestOf(boundTo: string): Buffer {
  return createHash('sha256').update(boundTo).digest()
}
