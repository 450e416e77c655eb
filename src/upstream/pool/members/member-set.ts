import type { ServerDefinition } from '../../../domain/documents/server-definition.ts'
import type { InstanceContext, InstanceStatus } from '../../instance/instance-context.ts'
import type { InstanceState } from '../../instance/instance-state.ts'
import type { Target } from '../../instance/targets.ts'
import type { ClientSide } from '../../messages/client-side.ts'
import { Member, type MemberEvents } from './member.ts'

/** The state of a pool is the first of these that one of its instances has. */
const BEST_FIRST: readonly InstanceState[] = ['ready', 'starting', 'backing_off', 'failed', 'draining']

/** What the instances of a pool are made from. */
export interface MemberSetOptions {
  readonly context: InstanceContext
  readonly client: ClientSide | undefined
  /** Makes unique instance ids. */
  readonly nextId: () => string
  readonly events: MemberEvents
}

/** The instances of a pool, in the order in which they were added. */
export class MemberSet {
  readonly #options: MemberSetOptions
  /** Members that were removed and are stopping. */
  readonly #leaving = new Set<Member>()
  #present: readonly Member[] = []
  #lastOrder = 0
  #isStarted = false

  constructor(options: MemberSetOptions) {
    this.#options = options
  }

  get present(): readonly Member[] {
    return this.#present
  }

  get isStarted(): boolean {
    return this.#isStarted
  }

  get state(): InstanceState {
    const states = new Set(this.#present.map(({ instance }) => instance.state))
    return BEST_FIRST.find((state) => states.has(state)) ?? 'stopped'
  }

  /** Those that are stopping are included. */
  get statuses(): InstanceStatus[] {
    return [...this.#present, ...this.#leaving].map(({ status }) => status)
  }

  /** Whether a connection is expected soon, without a failure before it. */
  get isExpected(): boolean {
    return this.#present.some(({ instance }) => instance.isExpected)
  }

  /** Milliseconds until an instance that backs off starts again. */
  get retryAfterMs(): number | undefined {
    const waits = this.#present.flatMap(({ instance }) => instance.retryAfterMs ?? [])
    return waits.length === 0 ? undefined : Math.min(...waits)
  }

  /** Starts all, and those that are added later. */
  start(): void {
    this.#isStarted = true
    for (const { instance } of this.#present) instance.start()
  }

  /** Adds an instance of a server; `target` is absent for a process. */
  add(definition: ServerDefinition, target?: Target): void {
    const { context, client, nextId, events } = this.#options
    this.#lastOrder += 1
    const order = this.#lastOrder
    const member = new Member({ id: nextId(), order, definition, target, context, client, events })
    this.#present = [...this.#present, member]
    if (this.#isStarted) member.instance.start()
  }

  /** Removes and stops members; their calls in flight finish within the drain timeout. */
  remove(members: ReadonlySet<Member>, reason: string): void {
    if (members.size === 0) return
    this.#present = this.#present.filter((member) => !members.has(member))
    for (const member of members) {
      this.#leaving.add(member)
      const why = member.instance.state === 'failed' ? 'it failed' : reason
      void member.instance.stop(why).finally(() => this.#leaving.delete(member))
    }
    this.#options.events.onChange(reason)
  }

  /** Stops all permanently. Resolves when their connections are closed. */
  async stop(reason: string, options: { atOnce?: boolean }): Promise<void> {
    const all = [...this.#present, ...this.#leaving]
    await Promise.all(all.map(({ instance }) => instance.stop(reason, options)))
  }
}
