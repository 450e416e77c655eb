import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { Principal } from '../../domain/principal.ts'
import type { OneTimeUse } from './one-time-use.ts'

const CIPHER = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16
const LIFETIME_MS = 30_000
const MAX_LENGTH = 12 * 1024
const PURPOSE = 'tool-gateway websocket ticket'

/** How a subprotocol starts that carries a ticket, where the address should not. */
export const TICKET_SUBPROTOCOL = 'ticket.'

/** Who opens a WebSocket with a ticket. */
export interface TicketHolder {
  readonly principal: Principal
  readonly clientName: string | undefined
}

/** A ticket for one WebSocket. */
export interface Ticket {
  readonly ticket: string
  readonly expiresAtMs: number
}

const sealedTicket = z.object({
  id: z.string(),
  path: z.string(),
  until: z.number(),
  clientName: z.string().optional(),
  principal: z.looseObject({
    tenantId: z.string(),
    subject: z.string(),
    agent: z.string().optional(),
    roles: z.array(z.string()),
    scopes: z.array(z.string()),
    issuer: z.string(),
    expiresAtMs: z.number(),
  }),
})

/**
 * Tickets with which a page of a browser opens a WebSocket, for which it cannot send a token: each for one use within
 * 30 seconds, by one principal, at one path. They are sealed, so that every replica with the same key takes them.
 */
export class Tickets {
  readonly #key: Buffer
  readonly #uses: OneTimeUse
  readonly #clock: Clock

  /** @param options.key of the state that clients carry; replicas share it */
  constructor(options: { key: Buffer; uses: OneTimeUse; clock: Clock }) {
    this.#key = Buffer.from(hkdfSync('sha256', options.key, '', PURPOSE, 32))
    this.#uses = options.uses
    this.#clock = options.clock
  }

  /** A ticket that ends with the holder's token, if that is sooner. */
  issue(holder: TicketHolder, path: string): Ticket {
    const until = Math.min(this.#clock.now() + LIFETIME_MS, holder.principal.expiresAtMs)
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv(CIPHER, this.#key, iv)
    const content = JSON.stringify({ id: randomUUID(), path, until, ...holder })
    const sealed = Buffer.concat([cipher.update(content, 'utf8'), cipher.final()])
    const ticket = Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')
    return { ticket, expiresAtMs: until }
  }

  /**
   * Who a ticket is for; it cannot be used again.
   * @throws GatewayError `invalid_ticket` saying why, `state_unavailable` when its use cannot be marked
   */
  async redeem(ticket: string, path: string): Promise<TicketHolder> {
    const { data } = sealedTicket.safeParse(this.#decrypt(ticket))
    if (data === undefined) throw refused('The ticket was not issued by this gateway.')
    if (this.#clock.now() > data.until) throw refused('The ticket has expired.')
    if (data.path !== path) throw refused('The ticket is for a different path of this gateway.')
    if (!(await this.#uses.claim(data.id, data.until))) throw refused('The ticket has been used.')
    const { principal, clientName } = data
    return { principal: Object.freeze({ ...principal, agent: principal.agent }), clientName }
  }

  #decrypt(ticket: string): unknown {
    if (ticket.length > MAX_LENGTH) return undefined
    try {
      const bytes = Buffer.from(ticket, 'base64url')
      const iv = bytes.subarray(0, IV_BYTES)
      const decipher = createDecipheriv(CIPHER, this.#key, iv, { authTagLength: TAG_BYTES })
      decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
      const content = bytes.subarray(IV_BYTES + TAG_BYTES)
      return JSON.parse(Buffer.concat([decipher.update(content), decipher.final()]).toString('utf8'))
    } catch {
      return undefined
    }
  }
}

function refused(message: string): GatewayError {
  return new GatewayError('invalid_ticket', message)
}
