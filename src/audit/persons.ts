import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { Actor, Administration } from './administration.ts'
import type { AuditStore } from './audit-store.ts'
import { ERASE } from './chain/verify.ts'

/** What was erased. */
export interface Erasure {
  readonly records: number
  /** The record of the erasure. */
  readonly record: string
}

/** Erases people from the records of their tenant, and records the erasure without naming them. */
export class Persons {
  readonly #store: Pick<AuditStore, 'erase' | 'count'>
  readonly #acts: Administration
  readonly #digestOf: (text: string) => string | Promise<string>
  readonly #delivered: () => Promise<void>
  readonly #clock: Clock

  constructor(options: {
    store: Pick<AuditStore, 'erase' | 'count'>
    acts: Administration
    digestOf: (text: string) => string | Promise<string>
    /** Resolves once the store has what was recorded so far, or fails. */
    delivered: () => Promise<void>
    clock: Clock
  }) {
    this.#store = options.store
    this.#acts = options.acts
    this.#digestOf = options.digestOf
    this.#delivered = options.delivered
    this.#clock = options.clock
  }

  /**
   * Erases what is personal in the records of a person up to now. The record of it is written first, and says how many
   * there are: what is erased without such a record, or beyond it, is found by `audit verify`.
   * @throws GatewayError `not_found` when there are none
   */
  async erase(actor: Actor, subject: string): Promise<Erasure> {
    const { tenantId } = actor.principal
    await this.#delivered()
    const beforeMs = this.#clock.now()
    const records = await this.#store.count({ tenantId, subject, to: beforeMs })
    if (records === 0 || this.#store.erase === undefined)
      throw new GatewayError('not_found', 'There are no records of this person')
    const name = `person ${(await this.#digestOf(JSON.stringify(subject))).slice(0, 16)}`
    const act = { action: ERASE, object: { tenantId, name }, change: { records } } as const
    const record = await this.#acts.announce(actor, act)
    await this.#delivered()
    return {
      records: await this.#store.erase({ tenantId, subject, beforeMs, limit: records }, record),
      record,
    }
  }
}
