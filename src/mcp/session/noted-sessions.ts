import type { Clock } from '../../domain/clock.ts'
import { SerialQueue } from '../../domain/concurrency/serial-queue.ts'
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
  /** Of principals whose entry is being changed, so that their parallel requests do not compete for it. */
  readonly #queues = new Map<string, SerialQueue>()

  constructor(options: { store: Pick<StateStore, 'get' | 'put'>; clock: Clock; maxOfPrincipal: number }) {
    this.#store = options.store
    this.#clock = options.clock
    this.#maxOfPrincipal = options.maxOfPrincipal
  }

  /**
   * Adds a session, and returns those for which it is one too many, the earliest.
   * @throws GatewayError `state_unavailable`
   */
  async add(id: string, until: number, owner: Principal): Promise<readonly string[]> {
    const key = stateKey(principalKey(owner))
    const queue = this.#queues.get(key) ?? new SerialQueue()
    this.#queues.set(key, queue)
    try {
      return await queue.run(() => this.#add(key, id, until))
    } finally {
      if (queue.isIdle) this.#queues.delete(key)
    }
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
