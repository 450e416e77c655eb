import type { ServerDefinition } from '../../../domain/documents/server-definition.ts'
import type { Logger } from '../../../telemetry/logger.ts'
import type { Connection } from '../../connection/connection.ts'
import type { Offer } from '../../discovery/discovery.ts'
import type { InstanceContext, Introduction } from '../../instance/instance-context.ts'
import { LiveOffer } from '../../offers/live-offer.ts'
import type { Member } from './member.ts'
import type { ResourceWatches } from './resource-watches.ts'

/** The instance that leads a pool, and its present connection. */
interface CurrentLeader {
  readonly member: Member
  readonly connection: Connection
  /** Aborts when the connection ends. */
  readonly life: AbortSignal
}

/** The leader of a pool: the instance that discovery and resource subscriptions use. */
export class Leader {
  readonly #watches: ResourceWatches
  /** Absent if the pool's offer is not needed. */
  readonly #offer: LiveOffer | undefined
  #definition: ServerDefinition
  #current: CurrentLeader | undefined
  /** The instance that has just reported its offer, and is about to be ready. */
  #reporter: Member | undefined
  /**
   * Instances that announced a change while there was no leader, or were too slow, so their reported offer may be
   * incomplete.
   */
  #outdated = new WeakSet<Member>()
  #introduction: Introduction | undefined

  constructor(options: {
    context: InstanceContext
    definition: ServerDefinition
    logger: Logger
    watches: ResourceWatches
    onOffer: ((offer: Offer) => void) | undefined
  }) {
    const { context, definition, logger, onOffer } = options
    this.#watches = options.watches
    this.#definition = definition
    if (onOffer === undefined) return
    this.#offer = new LiveOffer({
      context,
      definition: () => this.#current?.member.instance.definition ?? this.#definition,
      logger,
      onOffer,
      onLost: (life, error) => this.#lost(life, error),
    })
  }

  /** Undefined while no instance is eligible. */
  get current(): CurrentLeader | undefined {
    return this.#current
  }

  /** What the server declared when the leader was last connected. */
  get introduction(): Introduction | undefined {
    return this.#introduction
  }

  /** Whether an instance must report its offer before it is ready. */
  get needsOffer(): boolean {
    return this.#offer !== undefined && this.#current === undefined
  }

  /** An instance reported its offer, which counts while there is no leader. */
  offered(member: Member, offer: Offer): void {
    if (!this.needsOffer) return
    this.#reporter = member
    if (offer.isPartial === true) this.#outdated.add(member)
    this.#offer?.tell(offer)
  }

  listChanged(member: Member): void {
    if (member === this.#current?.member) this.#offer?.changed()
    else if (this.needsOffer) this.#outdated.add(member)
  }

  /** The server may offer something else than it did. */
  relist(): void {
    this.#offer?.changed()
  }

  /** A client has connected that may be offered more than others. */
  clientSeen(): void {
    this.#offer?.clientSeen()
  }

  update(definition: ServerDefinition): void {
    this.#definition = definition
    this.#offer?.updated()
  }

  /**
   * Keeps the leader while it is eligible with the same connection; otherwise the first eligible instance becomes the
   * leader.
   */
  elect(eligible: readonly Member[]): void {
    const before = this.#current
    if (before !== undefined && isStill(before, eligible)) return
    const member = eligible[0]
    const connection = member?.connection
    this.#offer?.stop()
    if (before !== undefined) this.#watches.closed(before.connection)
    if (member === undefined || connection === undefined) {
      this.#current = undefined
      return
    }
    const { life } = member.instance
    this.#current = { member, connection, life }
    this.#introduction = member.instance.introduction
    this.#watches.opened(connection)
    this.#offer?.begin(connection, life)
    if (this.#reporter !== member || this.#outdated.has(member)) this.#offer?.changed()
    this.#reporter = undefined
    this.#outdated = new WeakSet()
  }

  /** Ends discovery; no more requests are sent. */
  close(): void {
    this.#offer?.close()
  }

  /** Resolves when everything that it opened is closed; all instances must have been stopped. */
  settled(): Promise<void> {
    return this.#offer?.settled() ?? Promise.resolve()
  }

  /** The leader did not answer a repeated discovery. */
  #lost(life: AbortSignal, error: Error): void {
    if (this.#current?.life !== life) return
    this.#current.member.instance.lose(`it no longer lists what it offers: ${error.message}`, error)
  }
}

function isStill({ member, connection }: CurrentLeader, eligible: readonly Member[]): boolean {
  return member.connection === connection && eligible.includes(member)
}
