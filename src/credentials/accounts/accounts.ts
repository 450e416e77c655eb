import { lruCache } from '../../cache/lru.ts'
import type { Clock } from '../../domain/clock.ts'
import { SharedWork } from '../../domain/concurrency/shared-work.ts'
import type { Vault } from '../../secrets/vault/vault.ts'
import {
  ACCOUNT,
  type Account,
  accountIn,
  type AccountInfo,
  type AccountKey,
  accountName,
  type AccountSecret,
  listedIn,
  ownerOf,
} from './account.ts'

const MAX_ACCOUNTS = 10_000
/** How long a change by another replica may go unnoticed. */
const FRESH_MS = 3000

interface Known {
  readonly account: Account | undefined
  readonly at: number
}

/** Called with an account that was connected in this process; undefined: it was removed. */
export type OnAccount = (key: AccountKey, account: Account | undefined) => void

/** The accounts of people and tenants, kept in the vault; what was read is believed for three seconds. */
export class Accounts {
  readonly #vault: Vault
  readonly #clock: Clock
  readonly #known = lruCache<Known>(MAX_ACCOUNTS)
  readonly #reading = new SharedWork<Account | undefined>()
  readonly #listeners = new Set<OnAccount>()

  constructor(options: { vault: Vault; clock: Clock }) {
    this.#vault = options.vault
    this.#clock = options.clock
  }

  /** Calls `listener` for each account that is connected or removed, until the returned function is called. */
  onChange(listener: OnAccount): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The account, as it was at most three seconds ago. @throws GatewayError `state_unavailable` */
  get(key: AccountKey): Promise<Account | undefined> {
    const known = this.#known.get(accountName(key))
    if (known !== undefined && this.#clock.monotonic() - known.at < FRESH_MS)
      return Promise.resolve(known.account)
    return this.read(key)
  }

  /** The account as it is. @throws GatewayError `state_unavailable` */
  read(key: AccountKey): Promise<Account | undefined> {
    return this.#reading.run(accountName(key), async () => {
      const entry = await this.#vault.get(ownerOf(key))
      return this.#keep(key, entry && accountIn(entry))
    })
  }

  /**
   * Writes an account; undefined when another version was there than expected.
   * @throws GatewayError `state_unavailable`
   */
  async put(
    key: AccountKey,
    { info, secret }: { info: AccountInfo; secret: AccountSecret },
    options: { expected?: string | null } = {},
  ): Promise<Account | undefined> {
    const version = await this.#vault.put(ownerOf(key), { info, secret }, options)
    if (version === undefined) return undefined
    const account = { key, info, secret, version }
    const before = this.#known.get(accountName(key))?.account
    this.#keep(key, account)
    // A token that was renewed is of the same consent.
    if (before?.info.since !== info.since) this.#tell(key, account)
    return account
  }

  /** Whether there was one. @throws GatewayError `state_unavailable` */
  async delete(key: AccountKey): Promise<boolean> {
    const isRemoved = await this.#vault.delete(ownerOf(key))
    this.#keep(key, undefined)
    this.#tell(key, undefined)
    return isRemoved
  }

  /** The accounts of a tenant, or of one of its subjects, without their secrets. */
  async list(tenantId: string, subject?: string): Promise<{ key: AccountKey; info: AccountInfo }[]> {
    return (await this.#vault.list(ACCOUNT, tenantId, subject)).map(listedIn)
  }

  #keep(key: AccountKey, account: Account | undefined): Account | undefined {
    this.#known.set(accountName(key), { account, at: this.#clock.monotonic() })
    return account
  }

  #tell(key: AccountKey, account: Account | undefined): void {
    for (const listener of this.#listeners) listener(key, account)
  }
}
