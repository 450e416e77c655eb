import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Connection } from '../connection/connection.ts'
import type { Offer } from '../discovery/discovery.ts'
import type { InstanceContext, Introduction } from '../instance/instance-context.ts'
import { LiveOffer } from '../offers/live-offer.ts'
import type { Member } from './member.ts'
import type { ResourceWatches } from './resource-watches.ts'

/** The instance that speaks for a pool: it is asked what the server offers, and resources are watched over it. */
export class Lead {
  readonly #watches: ResourceWatches
  /** Absent where nobody needs to know what the server offers. */
  readonly #offer: LiveOffer | undefined
  #present:
    { readonly member: Member; readonly connection: Connection; readonly life: AbortSignal } | undefined
  /** Has just said what it offers, and is about to be ready. */
  #told: Member | undefined
  /** Those that announced a change while none led, or were too slow, so that what they said may not be all. */
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

  /** With the connection over which it leads. */
  get present(): { readonly member: Member; readonly connection: Connection } | undefined {
    return this.#present
  }

  /** What the server said of itself when the lead was connected last. */
  get introduction(): Introduction | undefined {
    return this.#introduction
  }

  /** Whether an instance has to say what it offers before it is ready. */
  get needsOffer(): boolean {
    return this.#offer !== undefined && this.#present === undefined
  }

  /** An instance said what it offers; it counts while no other leads. */
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

  /** A client has come that may see more than others. */
  clientSeen(): void {
    this.#offer?.clientSeen()
  }

  /** The definition has changed. */
  updated(): void {
    this.#offer?.updated()
  }

  /** The lead stays for as long as it is in the rotation, over the same connection; else the first takes over. */
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

  /** Nothing more is asked. */
  close(): void {
    this.#offer?.close()
  }

  /** Resolves when nothing that it opened is left; all instances have to be stopped. */
  settled(): Promise<void> {
    return this.#offer?.settled() ?? Promise.resolve()
  }

  /** It did not say again what it offers. */
  #silent(life: AbortSignal, error: Error): void {
    if (this.#present?.life !== life) return
    this.#present.member.instance.lose(`it no longer says what it offers: ${error.message}`, error)
  }
}

function isStill(
  { member, connection }: { member: Member; connection: Connection },
  rotation: readonly Member[],
): boolean {
  return member.connection === connection && rotation.includes(member)
}
