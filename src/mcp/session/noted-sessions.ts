import type { Clock } from '../../domain/clock.ts'
import { SerialQueues } from '../../domain/concurrency/serial-queues.ts'
import { jsonIn } from '../../domain/json/json.ts'
import { type Principal, principalKey } from '../../domain/principal.ts'
import { changeEntry } from '../../state/change-entry.ts'
import { stateKey } from '../../state/state-key.ts'
import type { StateStore } from '../../state/state-store.ts'

const COLLECTION = 'noted-sessions'

/** Which sessions of each principal there are notes on: so many at most, the latest ones. */
export class NotedSessions {
  readonly #store: Pick<StateStore, 'get' | 'put'>
  readonly #clock: Clock
  readonly #maxOfPrincipal: number
  /** One change of an entry after the other, so that parallel requests of a principal do not compete for it. */
  readonly #turns = new SerialQueues<string>()

  constructor(options: { store: Pick<StateStore, 'get' | 'put'>; clock: Clock; maxOfPrincipal: number }) {
    this.#store = options.store
    this.#clock = options.clock
    this.#maxOfPrincipal = options.maxOfPrincipal
  }

  /**
   * Adds a session, and returns those for which it is one too many, the earliest.
   * @throws GatewayError `state_unavailable`
   */
  add(id: string, until: number, owner: Principal): Promise<readonly string[]> {
    const key = stateKey(principalKey(owner))
    return this.#turns.run(key, () => this.#add(key, id, until))
  }

  #add(key: string, id: string, until: number): Promise<readonly string[]> {
    return changeEntry(this.#store, { collection: COLLECTION, key }, (found) => {
      const all = [...idsIn(found?.value).filter((other) => other !== id), id]
      const expiresAt = Math.max(until, found?.expiresAt ?? 0, this.#clock.now())
      const kept = all.slice(-this.#maxOfPrincipal)
      return {
        result: all.slice(0, -this.#maxOfPrincipal),
        write: { value: JSON.stringify(kept), expiresAt },
      }
    })
  }
}

function idsIn(text: string | undefined): string[] {
  const value = jsonIn(text ?? '')
  return Array.isArray(value) ? value.filter((id) => typeof id === 'string') : []
}
