import { GatewayError } from '../../domain/errors/errors.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { ConditionalOffer, discoverAsClient } from './conditional-offer.ts'
import type { Connection } from '../connection/connection.ts'
import { discover, type Offer } from '../discovery/discovery.ts'
import type { InstanceContext } from '../instance/instance-context.ts'
import { Rediscovery } from './rediscovery.ts'

const MAX_DISCOVERY_MS = 30_000
/** How long a second look waits for servers that start: some may always do. */
const MAX_WAIT_MS = 5000

/** Keeps the offer of a pool's leader up to date while it is connected. */
export class LiveOffer {
  readonly #context: InstanceContext
  readonly #definition: () => ServerDefinition
  readonly #logger: Logger
  readonly #onOffer: (offer: Offer) => void
  readonly #onLost: (signal: AbortSignal, error: GatewayError) => void
  readonly #rediscovery: Rediscovery
  readonly #conditional: ConditionalOffer
  /** The present connection, and the signal that aborts when it is lost. */
  #present: { readonly connection: Connection; readonly signal: AbortSignal } | undefined
  #toldProblems = ''
  /** The offer that the server last reported. */
  #told: Offer | undefined

  constructor(options: {
    context: InstanceContext
    definition: () => ServerDefinition
    logger: Logger
    onOffer: (offer: Offer) => void
    /** The server no longer answers requests for its lists. */
    onLost: (signal: AbortSignal, error: GatewayError) => void
  }) {
    const { context, definition, logger, onOffer } = options
    this.#context = context
    this.#definition = definition
    this.#logger = logger
    this.#onOffer = onOffer
    this.#onLost = options.onLost
    this.#rediscovery = new Rediscovery({
      clock: context.clock,
      ttlMs: () => definition().catalogTtlMs,
      run: () => this.#rediscover(),
    })
    this.#conditional = new ConditionalOffer({
      clock: context.clock,
      definition,
      logger,
      discover: (signal, hurry) => this.#discoverAsClient(signal, hurry),
      onChange: onOffer,
    })
  }

  /** Publishes an offer that the server reported. */
  tell(offer: Offer): void {
    const problems = offer.problems.join('\n')
    if (problems !== '' && problems !== this.#toldProblems) {
      this.#logger.warn({ problems: offer.problems }, 'left out parts of what the server offers')
    }
    this.#toldProblems = problems
    this.#told = offer
    this.#onOffer(this.#conditional.widen(offer))
  }

  /** Rediscovers the server over this connection, until `stop`. */
  begin(connection: Connection, signal: AbortSignal): void {
    this.#present = { connection, signal }
    this.#rediscovery.start()
    const varies = connection.era === 'legacy' && this.#definition().clientCapabilities.length > 0
    if (varies) this.#conditional.connected(connection, signal)
  }

  /** The definition of the server, and possibly its catalog TTL, has changed. */
  updated(): void {
    if (this.#present !== undefined) this.#rediscovery.start()
  }

  /** The server announced a change. */
  changed(): void {
    this.#rediscovery.request()
  }

  /** A client has connected that may be offered more than others. */
  clientSeen(): void {
    this.#conditional.wanted()
  }

  stop(): void {
    this.#present = undefined
    this.#rediscovery.stop()
  }

  close(): void {
    this.#rediscovery.close()
  }

  /** Resolves when everything that it opened is closed; `signal` of the last `begin` must have been aborted. */
  settled(): Promise<void> {
    return this.#conditional.settled()
  }

  /**
   * Lists the offer again. A server that cannot list it counts as lost. Resolves with whether the offer has changed.
   */
  async #rediscover(): Promise<boolean> {
    if (this.#present === undefined) return true
    const { connection, signal } = this.#present
    try {
      const timeoutMs = Math.min(this.#context.connectTimeoutMs, MAX_DISCOVERY_MS)
      const { clock } = this.#context
      const offer = await discover(connection, { timeoutMs, signal, clock, previous: this.#told })
      if (signal.aborted) return true
      const isChanged = JSON.stringify(offer) !== JSON.stringify(this.#told)
      this.tell(offer)
      this.#conditional.rediscovered(signal)
      return isChanged
    } catch (error) {
      const isGone = error instanceof GatewayError && error.code !== 'upstream_error'
      if (isGone) this.#onLost(signal, error)
      else if (!signal.aborted) this.#logger.warn({ err: error }, 'failed to refresh the offer of the server')
      return false
    }
  }

  async #discoverAsClient(signal: AbortSignal, hurry: AbortSignal): Promise<Offer | undefined> {
    const { connect, clock, lookSlots: slots, connectTimeoutMs: timeoutMs, startSlots } = this.#context
    // Servers that start come first: all callers wait for them, and few for this.
    const late = new AbortController()
    const cancel = clock.after(MAX_WAIT_MS, () => late.abort())
    await startSlots.settled({ until: AbortSignal.any([signal, late.signal]), hurry })
    cancel()
    return discoverAsClient({ server: this.#definition(), connect, clock, slots, timeoutMs, signal })
  }
}
