import type { ServerDefinition } from '../../../domain/documents/server-definition.ts'
import type { Logger } from '../../../telemetry/logger.ts'
import type { Connection } from '../../connection/connection.ts'
import type { Offer } from '../../discovery/discovery.ts'
import type { InstanceContext, Introduction } from '../../instance/instance-context.ts'
import { LiveOffer } from '../../offers/live-offer.ts'
import type { Member } from './member.ts'
import type { ResourceWatches } from './resource-watches.ts'

/** The leader of a pool: the instance that discovery and resource subscriptions use. */
export class Lead {
  readonly #watches: ResourceWatches
  /** Absent if the pool's offer is not needed. */
  readonly #offer: LiveOffer | undefined
  #present:
    { readonly member: Member; readonly connection: Connection; readonly life: AbortSignal } | undefined
  /** The instance that has just reported its offer, and is about to be ready. */
  #told: Member | undefined
  /**
   * Instances that announced a change while there was no leader, or were too slow, so their reported offer may be
   * incomplete.
   */
  #announced = new WeakSet<Member>()
  #introduction: Introduction | undefined

  constructor(options: {
    context: InstanceContext
    definition: () => ServerDefinition
    logger: Logger
    watches: ResourceWatches
    onOffer: ((offer: Offer) => void) | undefined
  }) {
    const { context, definition, logger, onOffer } = options
    this.#watches = options.watches
    if (onOffer === undefined) return
    this.#offer = new LiveOffer({
      context,
      definition: () => this.#present?.member.instance.definition ?? definition(),
      logger,
      onOffer,
      onLost: (life, error) => this.#silent(life, error),
    })
  }

  get member(): Member | undefined {
    return this.#present?.member
  }

  /** The leader and its connection. */
  get present(): { readonly member: Member; readonly connection: Connection } | undefined {
    return this.#present
  }

  /** What the server declared when the leader was last connected. */
  get introduction(): Introduction | undefined {
    return this.#introduction
  }

  /** Whether an instance must report its offer before it is ready. */
  get needsOffer(): boolean {
    return this.#offer !== undefined && this.#present === undefined
  }

  /** An instance reported its offer, which counts while there is no leader. */
  offered(member: Member, offer: Offer): void {
    if (!this.needsOffer) return
    this.#told = member
    if (offer.isPartial === true) this.#announced.add(member)
    this.#offer?.tell(offer)
  }

  listChanged(member: Member): void {
    if (member === this.#present?.member) this.#offer?.changed()
    else if (this.needsOffer) this.#announced.add(member)
  }

  /** A client has connected that may be offered more than others. */
  clientSeen(): void {
    this.#offer?.clientSeen()
  }

  /** The definition of the server has changed. */
  updated(): void {
    this.#offer?.updated()
  }

  /**
   * Keeps the leader while it is in the rotation with the same connection; otherwise the first instance becomes the
   * leader.
   */
  elect(rotation: readonly Member[]): void {
    const present = this.#present
    if (present !== undefined && isStill(present, rotation)) return
    const member = rotation[0]
    const connection = member?.connection
    this.#offer?.stop()
    if (present !== undefined) this.#watches.closed(present.connection)
    if (member === undefined || connection === undefined) {
      this.#present = undefined
      return
    }
    const { life } = member.instance
    this.#present = { member, connection, life }
    this.#introduction = member.instance.introduction
    this.#watches.opened(connection)
    this.#offer?.begin(connection, life)
    if (this.#told !== member || this.#announced.has(member)) this.#offer?.changed()
    this.#told = undefined
    this.#announced = new WeakSet()
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
  #silent(life: AbortSignal, error: Error): void {
    if (this.#present?.life !== life) return
    this.#present.member.instance.lose(`it no longer lists what it offers: ${error.message}`, error)
  }
}

function isStill(
  { member, connection }: { member: Member; connection: Connection },
  rotation: readonly Member[],
): boolean {
  return member.connection === connection && rotation.includes(member)
}
