import type { Clock } from '../../domain/clock.ts'
import type { KeyRing } from '../../domain/seal/key-ring.ts'
import { Sealing } from '../../domain/seal/sealing.ts'
import type { RevokedGrants } from '../../identity/own-issuer/revoked-grants.ts'
import { stateKey } from '../../state/state-key.ts'
import type { StateEntry, StateStore } from '../../state/state-store.ts'
import type { Account } from './account.ts'
import { type Grant, grantSchema } from './grant.ts'

const COLLECTION = 'grants'
const REVOKED = 'revoked-grants'
const PAGE = 200
/** Longer than any access token is valid. */
const REVOKED_FOR_MS = 2 * 60 * 60_000
/** A time of use is written at most this often. */
const TOUCH_EVERY_MS = 60_000

/** Which grants, of one tenant. */
export interface GrantFilter {
  readonly tenantId: string
  readonly subject?: string | undefined
  readonly clientId?: string | undefined
}

/** Some grants; `next` continues the list. */
export interface GrantPage {
  readonly grants: readonly Grant[]
  readonly next: string | undefined
}

/** What people allowed clients, kept sealed in the state store. */
export class Grants {
  readonly #store: StateStore
  readonly #sealing: Sealing
  readonly #revoked: RevokedGrants
  readonly #clock: Clock

  constructor(options: { store: StateStore; stateKeys: KeyRing; revoked: RevokedGrants; clock: Clock }) {
    this.#store = options.store
    this.#sealing = new Sealing(options.stateKeys, 'grants')
    this.#revoked = options.revoked
    this.#clock = options.clock
  }

  async add(grant: Grant): Promise<void> {
    await this.#write(grant)
  }

  /** The grant of a person; undefined when there is none any more. */
  async get(account: Account, id: string): Promise<Grant | undefined> {
    const entry = await this.#store.get(COLLECTION, keyOf(account, id))
    return entry && this.#read(entry)
  }

  /** Remembers that a client used its grant now. */
  async touch(grant: Grant): Promise<void> {
    const now = this.#clock.now()
    if (now - grant.lastUsedAt >= TOUCH_EVERY_MS) await this.#write({ ...grant, lastUsedAt: now })
  }

  /** @param options.after the `next` of the page before */
  async list(filter: GrantFilter, { after }: { after?: string | undefined } = {}): Promise<GrantPage> {
    const { tenantId, subject, clientId } = filter
    const prefix = `${subject === undefined ? stateKey(tenantId) : stateKey(tenantId, subject)}/`
    const page = await this.#store.list(COLLECTION, prefix, { limit: PAGE, after })
    const grants = page.entries.flatMap((entry) => this.#read(entry) ?? [])
    return {
      grants: grants.filter((grant) => clientId === undefined || grant.clientId === clientId),
      next: page.next,
    }
  }

  /** All grants that a filter selects, one page in memory at a time. */
  async *all(filter: GrantFilter): AsyncGenerator<Grant> {
    let after: string | undefined
    do {
      const { grants, next } = await this.list(filter, { after })
      yield* grants
      after = next
    } while (after !== undefined)
  }

  /** Ends a grant: its tokens are refused at every replica within a second, and what they opened ends. Idempotent. */
  async revoke(account: Account, id: string): Promise<void> {
    // First, so that a replica which stops in between leaves nothing that works.
    await this.#store.put(REVOKED, stateKey(id), '', { expiresAt: this.#clock.now() + REVOKED_FOR_MS })
    this.#revoked.revoke(id)
    await this.#store.delete(COLLECTION, keyOf(account, id))
  }

  async #write(grant: Grant): Promise<void> {
    const key = keyOf(grant, grant.id)
    await this.#store.put(COLLECTION, key, this.#sealing.seal(JSON.stringify(grant), key), {
      expiresAt: grant.expiresAt,
    })
  }

  #read({ key, value }: StateEntry): Grant | undefined {
    const text = this.#sealing.open(value, key)
    return text === undefined ? undefined : grantSchema.parse(JSON.parse(text))
  }
}

function keyOf({ tenantId, subject }: Account, id: string): string {
  return stateKey(tenantId, subject, id)
}
