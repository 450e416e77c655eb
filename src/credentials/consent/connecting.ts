import { type Clock, sleep } from '../../domain/clock.ts'
import type { HttpServerDefinition } from '../../domain/documents/server-definition.ts'
import type { Principal } from '../../domain/principal.ts'
import { type AccountKey, accountKeyOf, accountName } from '../accounts/account.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { Need } from '../accounts/credentials.ts'
import type { ConsentLinks, IssuedLink } from './consent-links.ts'
import { mayConnect } from './may-connect.ts'

/** How often it is looked whether another replica has connected an account. */
const LOOK_MS = 1000

/** Asks callers to connect accounts, and waits until they have. */
export class Connecting {
  readonly #accounts: Accounts
  readonly #links: ConsentLinks
  readonly #clock: Clock

  constructor(options: { accounts: Accounts; links: ConsentLinks; clock: Clock }) {
    this.#accounts = options.accounts
    this.#links = options.links
    this.#clock = options.clock
  }

  /** A link by which the caller can meet a need; undefined when that is for others to do. */
  linkFor(server: HttpServerDefinition, principal: Principal, need: Need): Promise<IssuedLink | undefined> {
    if (!mayConnect(server, principal)) return Promise.resolve(undefined)
    return this.#links.issue(server, principal, need.scopes)
  }

  /** When the account that calls of a principal use was connected; 0 when there is none. */
  async sinceOf(server: HttpServerDefinition, principal: Principal): Promise<number> {
    return (await this.#accounts.get(accountKeyOf(server, principal)))?.info.since ?? 0
  }

  /** Resolves as soon as the account was connected after `since`, here or at another replica, or after `withinMs`. */
  async untilConnected(
    server: HttpServerDefinition,
    principal: Principal,
    { since, signal, withinMs }: { since: number; signal: AbortSignal; withinMs: number },
  ): Promise<void> {
    const key = accountKeyOf(server, principal)
    const end = this.#clock.monotonic() + withinMs
    const isConnected = async (): Promise<boolean> =>
      ((await this.#accounts.read(key))?.info.since ?? 0) > since
    while (!(await isConnected())) {
      const remainingMs = end - this.#clock.monotonic()
      if (remainingMs <= 0 || signal.aborted) return
      await this.#pause(key, Math.min(LOOK_MS, remainingMs), signal)
    }
  }

  /** Until the account changes in this process, at most that long. */
  async #pause(key: AccountKey, ms: number, signal: AbortSignal): Promise<void> {
    const changed = new AbortController()
    const stop = this.#accounts.onChange((other) => {
      if (accountName(other) === accountName(key)) changed.abort()
    })
    try {
      await sleep(this.#clock, ms, AbortSignal.any([signal, changed.signal]))
    } finally {
      stop()
    }
  }
}
