import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { type Principal, principalKey } from '../../domain/principal.ts'

const CIPHER = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16
/** How long a person may take to answer. */
const LIFETIME_MS = 60 * 60 * 1000

/** What a sealed text is bound to: this caller, and this purpose, such as a method and its target. */
export interface SealBinding {
  readonly principal: Principal
  readonly purpose: string
}

/**
 * Seals texts of servers for callers: nobody else can read or change them, and they are accepted only in time, from the
 * same caller and for the same purpose. Servers see every caller behind the gateway as one client, so they cannot bind
 * their `requestState` to a caller themselves (MCP 2026-07-28, multi round-trip requests).
 */
export class StateSeal {
  readonly #key: Buffer
  readonly #clock: Clock

  /** @param options.key of 32 bytes; gateways that serve the same callers must share it */
  constructor(options: { key: Buffer; clock: Clock }) {
    this.#key = options.key
    this.#clock = options.clock
  }

  seal(text: string, binding: SealBinding): string {
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv(CIPHER, this.#key, iv)
    cipher.setAAD(digestOf(binding))
    const content = JSON.stringify({ text, until: this.#clock.now() + LIFETIME_MS })
    const sealed = Buffer.concat([cipher.update(content, 'utf8'), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')
  }

  /** @throws GatewayError `invalid_request_state` for a text that was not sealed for this binding, or has expired */
  open(sealed: string, binding: SealBinding): string {
    const content = this.#decrypt(Buffer.from(sealed, 'base64url'), binding)
    if (!isJsonObject(content)) throw new GatewayError('invalid_request_state')
    const { text, until } = content
    const isInTime = typeof until === 'number' && this.#clock.now() <= until
    if (typeof text !== 'string' || !isInTime) throw new GatewayError('invalid_request_state')
    return text
  }

  #decrypt(bytes: Buffer, binding: SealBinding): unknown {
    try {
      const iv = bytes.subarray(0, IV_BYTES)
      const decipher = createDecipheriv(CIPHER, this.#key, iv, { authTagLength: TAG_BYTES })
      decipher.setAAD(digestOf(binding))
      decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
      const content = bytes.subarray(IV_BYTES + TAG_BYTES)
      return JSON.parse(Buffer.concat([decipher.update(content), decipher.final()]).toString('utf8'))
    } catch {
      return undefined
    }
  }
}

function digestOf({ principal, purpose }: SealBinding): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([principalKey(principal), purpose]))
    .digest()
}
