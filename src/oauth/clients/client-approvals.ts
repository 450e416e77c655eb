import { z } from 'zod'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { stateEntries } from '../../state/state-entries.ts'
import { stateKey } from '../../state/state-key.ts'
import type { StateStore } from '../../state/state-store.ts'
import type { ClientFacts } from './client-identity.ts'

const COLLECTION = 'client-approvals'
/** Who asks and is not answered within this time is forgotten. */
const WAITING_MS = 7 * 86_400_000
/** More than operators would look through. */
const MAX_WAITING = 200

const approvalSchema = z.object({
  clientId: z.string(),
  clientName: z.string(),
  publisher: z.string().optional(),
  agent: z.string(),
  state: z.enum(['waiting', 'approved', 'denied']),
  /** The person who wanted to use it; absent where an operator was first. */
  askedBy: z.string().optional(),
  decidedBy: z.string().optional(),
  /** Milliseconds since the epoch. */
  changedAt: z.number(),
})

/** What a tenant says of a client. */
export type ClientApproval = Readonly<z.output<typeof approvalSchema>>

/** Which clients the operators of each tenant have approved. */
export class ClientApprovals {
  readonly #store: StateStore
  readonly #clock: Clock

  constructor(options: { store: StateStore; clock: Clock }) {
    this.#store = options.store
    this.#clock = options.clock
  }

  /** @throws GatewayError `state_unavailable` */
  async get(tenantId: string, clientId: string): Promise<ClientApproval | undefined> {
    const entry = await this.#store.get(COLLECTION, stateKey(tenantId, clientId))
    return entry && approvalSchema.parse(JSON.parse(entry.value))
  }

  /** All of a tenant, the newest first. */
  async list(tenantId: string): Promise<ClientApproval[]> {
    const found: ClientApproval[] = []
    for await (const { value } of stateEntries(this.#store, COLLECTION, `${stateKey(tenantId)}/`))
      found.push(approvalSchema.parse(JSON.parse(value)))
    return found.toSorted((a, b) => b.changedAt - a.changedAt)
  }

  /**
   * Notes that a person wants to use a client; resolves with what the tenant says of it.
   * @throws GatewayError `rate_limited` when too many wait
   */
  async ask(tenantId: string, client: ClientFacts, askedBy: string): Promise<ClientApproval> {
    const known = await this.get(tenantId, client.clientId)
    if (known !== undefined) return known
    const waiting = (await this.list(tenantId)).filter(({ state }) => state === 'waiting')
    if (waiting.length >= MAX_WAITING)
      throw new GatewayError('rate_limited', 'Too many clients wait for the approval of an operator')
    return await this.#write(tenantId, { ...shownOf(client), state: 'waiting', askedBy })
  }

  /** What an operator says of a client. */
  async decide(
    tenantId: string,
    client: ClientFacts,
    { state, decidedBy }: { readonly state: 'approved' | 'denied'; readonly decidedBy: string },
  ): Promise<ClientApproval> {
    const askedBy = (await this.get(tenantId, client.clientId))?.askedBy
    return await this.#write(tenantId, {
      ...shownOf(client),
      state,
      decidedBy,
      ...(askedBy !== undefined && { askedBy }),
    })
  }

  async #write(tenantId: string, given: Omit<ClientApproval, 'changedAt'>): Promise<ClientApproval> {
    const changedAt = this.#clock.now()
    const approval = { ...given, changedAt }
    await this.#store.put(COLLECTION, stateKey(tenantId, given.clientId), JSON.stringify(approval), {
      ...(given.state === 'waiting' && { expiresAt: changedAt + WAITING_MS }),
    })
    return approval
  }
}

function shownOf({ clientId, name, publisher, agent }: ClientFacts) {
  return { clientId, clientName: name, ...(publisher !== undefined && { publisher }), agent }
}
