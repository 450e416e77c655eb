import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { Principal } from '../domain/principal.ts'
import type { KeyRing } from '../domain/seal/key-ring.ts'
import { Sealing } from '../domain/seal/sealing.ts'
import type { StateStore } from '../state/state-store.ts'
import type { RevokedGrants } from './own-issuer/revoked-grants.ts'

/** How a subprotocol starts that carries a ticket, where the address should not. */
export const TICKET_SUBPROTOCOL = 'ticket.'

const LIFETIME_MS = 30_000
const MAX_LENGTH = 12 * 1024
const COLLECTION = 'used-tickets'

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

const ticketContent = z.object({
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
    grant: z.object({ id: z.string() }).optional(),
  }),
})

/**
 * Tickets with which a page of a browser opens a WebSocket, for which it cannot send a token: each for one use within
 * 30 seconds, by one principal, at one path. They are sealed and their use is marked in the state, so that every replica
 * takes them, and one of all does.
 */
export class Tickets {
  readonly #sealing: Sealing
  readonly #used: Pick<StateStore, 'put'>
  readonly #revoked: Pick<RevokedGrants, 'has' | 'grant'>
  readonly #clock: Clock

  /** @param options.keys replicas share them */
  constructor(options: {
    keys: KeyRing
    state: Pick<StateStore, 'put'>
    revokedGrants: Pick<RevokedGrants, 'has' | 'grant'>
    clock: Clock
  }) {
    this.#sealing = new Sealing(options.keys, 'WebSocket ticket')
    this.#used = options.state
    this.#revoked = options.revokedGrants
    this.#clock = options.clock
  }

  /** A ticket that ends with the holder's token, if that is sooner. */
  issue(holder: TicketHolder, path: string): Ticket {
    const until = Math.min(this.#clock.now() + LIFETIME_MS, holder.principal.expiresAtMs)
    const ticket = this.#sealing.seal(
      JSON.stringify({ id: randomUUID(), path, until, ...holder }),
      COLLECTION,
    )
    return { ticket, expiresAtMs: until }
  }

  /**
   * Who a ticket is for; it cannot be used again.
   * @throws GatewayError `invalid_ticket` saying why, `state_unavailable` when its use cannot be marked
   */
  async redeem(ticket: string, path: string): Promise<TicketHolder> {
    const content = this.#contentOf(ticket)
    if (content === undefined) throw refused('The ticket was not issued by this gateway.')
    const { id, until, principal, clientName } = content
    const { grant, ...claims } = principal
    if (this.#clock.now() > until) throw refused('The ticket has expired.')
    if (content.path !== path) throw refused('The ticket is for a different path of this gateway.')
    if (grant !== undefined && this.#revoked.has(grant.id))
      throw refused('What the ticket was granted has been revoked.')
    // Its mark outlasts it, so that the clocks of replicas need not agree to the millisecond.
    const expiresAt = until + LIFETIME_MS
    const mark = await this.#used.put(COLLECTION, id, '', { expected: null, expiresAt })
    if (mark === undefined) throw refused('The ticket has been used.')
    return {
      principal: Object.freeze({
        ...claims,
        agent: claims.agent,
        ...(grant !== undefined && { grant: this.#revoked.grant(grant.id) }),
      }),
      clientName,
    }
  }

  #contentOf(ticket: string): z.output<typeof ticketContent> | undefined {
    const text = ticket.length > MAX_LENGTH ? undefined : this.#sealing.open(ticket, COLLECTION)
    return text === undefined ? undefined : ticketContent.safeParse(JSON.parse(text)).data
  }
}

function refused(message: string): GatewayError {
  return new GatewayError('invalid_ticket', message)
}
