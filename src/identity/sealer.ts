import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16

/**
 * Seals texts that leave the process, for a browser or a store: nobody without the key can read or change them, and one
 * that was sealed for another purpose or context is refused.
 */
export class Sealer {
  readonly #key: Buffer

  /**
   * @param options.key of 32 bytes; gateways that open each other's texts must share it
   * @param options.purpose separates the texts of one part from those of another
   */
  constructor({ key, purpose }: { key: Buffer; purpose: string }) {
    this.#key = Buffer.from(hkdfSync('sha256', key, '', `tool-gateway ${purpose}`, KEY_BYTES))
  }

  /** @param context what the text belongs to, such as the key of a document; needed again to open it */
  seal(text: string, context = ''): string {
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv(CIPHER, this.#key, iv, { authTagLength: TAG_BYTES })
    cipher.setAAD(Buffer.from(context))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')
  }

  /** The text; undefined for anything that was not sealed with this key, for this purpose and context. */
  open(sealed: string, context = ''): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url')
    if (bytes.length < IV_BYTES + TAG_BYTES) return undefined
    const decipher = createDecipheriv(CIPHER, this.#key, bytes.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES,
    })
    decipher.setAAD(Buffer.from(context))
    decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
    try {
      const text = decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES))
      return Buffer.concat([text, decipher.final()]).toString('utf8')
    } catch {
      return undefined
    }
  }
}
