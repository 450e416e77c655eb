import type { Clock } from '../../domain/clock.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { withDeadline } from '../../firestore/deadline.ts'
import { crc32c } from './crc32c.ts'
import { type KeyEncryption, KeyRefused, KeysUnavailable, type WrappedKey } from './key-encryption.ts'

const DEADLINE_MS = 3000
/** What a status of KMS says about the key that was sent; every other one says nothing about it. */
const REFUSED = new Set([400, 404])

/** Headers that authorize a request to a URL of Google. */
export type AuthorizeRequest = (url: string) => Promise<Headers>

/**
 * A key of Cloud KMS, over its REST interface. KMS rotates it by itself: it names the version that encrypted, and finds
 * the one that decrypts.
 */
export class CloudKms implements KeyEncryption {
  readonly #key: string
  readonly #endpoint: string
  readonly #authorize: AuthorizeRequest
  readonly #clock: Clock
  /** The version that has encrypted last. */
  #current: string | undefined

  /** @param options.key `projects/P/locations/L/keyRings/R/cryptoKeys/K` */
  constructor(options: { key: string; endpoint: string; authorize: AuthorizeRequest; clock: Clock }) {
    this.#key = options.key
    this.#endpoint = options.endpoint
    this.#authorize = options.authorize
    this.#clock = options.clock
  }

  async wrap(key: Buffer, context: Buffer): Promise<WrappedKey> {
    const answer = await this.#ask('encrypt', {
      plaintext: key.toString('base64'),
      plaintextCrc32c: String(crc32c(key)),
      ...associated(context),
    })
    const bytes = checkedBytes(answer, 'ciphertext')
    const isWhole =
      answer['verifiedPlaintextCrc32c'] === true &&
      answer['verifiedAdditionalAuthenticatedDataCrc32c'] === true
    if (!isWhole) throw new KeysUnavailable('Cloud KMS did not receive the key of the vault as it was sent')
    this.#current = String(answer['name'])
    return { by: this.#current, bytes }
  }

  async unwrap({ by, bytes }: WrappedKey, context: Buffer): Promise<Buffer> {
    if (!by.startsWith(`${this.#key}/`)) throw new KeyRefused(`it was encrypted by another key (${by})`)
    const answer = await this.#ask('decrypt', {
      ciphertext: bytes.toString('base64'),
      ciphertextCrc32c: String(crc32c(bytes)),
      ...associated(context),
    })
    if (answer['usedPrimary'] === true) this.#current = by
    return checkedBytes(answer, 'plaintext')
  }

  isCurrent({ by }: WrappedKey): boolean {
    return this.#current === undefined || this.#current === by
  }

  /** KMS decides which version is the primary one; the next key that is wrapped tells. */
  rotate(): Promise<void> {
    return Promise.resolve()
  }

  async #ask(action: 'encrypt' | 'decrypt', body: JsonObject): Promise<JsonObject> {
    const url = `${this.#endpoint}/v1/${this.#key}:${action}`
    const asked = this.#sent(url, body).catch((cause: unknown) => {
      if (cause instanceof KeyRefused || cause instanceof KeysUnavailable) throw cause
      throw new KeysUnavailable('Cloud KMS does not respond', { cause })
    })
    return withDeadline(this.#clock, asked, DEADLINE_MS, 'Cloud KMS').catch((cause: unknown) => {
      if (cause instanceof KeyRefused || cause instanceof KeysUnavailable) throw cause
      throw new KeysUnavailable('Cloud KMS does not respond in time', { cause })
    })
  }

  async #sent(url: string, body: JsonObject): Promise<JsonObject> {
    const headers = new Headers(await this.#authorize(url))
    headers.set('content-type', 'application/json')
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      redirect: 'error',
    })
    const answer: unknown = await response.json().catch(() => undefined)
    if (response.ok && isJsonObject(answer)) return answer
    const message = `Cloud KMS answered with HTTP ${response.status}`
    throw REFUSED.has(response.status) ? new KeyRefused(message) : new KeysUnavailable(message)
  }
}

function associated(context: Buffer): JsonObject {
  return {
    additionalAuthenticatedData: context.toString('base64'),
    additionalAuthenticatedDataCrc32c: String(crc32c(context)),
  }
}

/** @throws KeysUnavailable when they are not what KMS sent */
function checkedBytes(answer: JsonObject, field: 'ciphertext' | 'plaintext'): Buffer {
  const text = answer[field]
  const bytes = Buffer.from(typeof text === 'string' ? text : '', 'base64')
  if (bytes.length === 0 || String(answer[`${field}Crc32c`]) !== String(crc32c(bytes)))
    throw new KeysUnavailable('the answer of Cloud KMS did not arrive as it was sent')
  return bytes
}
