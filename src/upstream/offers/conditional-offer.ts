import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { canonicalJson, type JsonObject } from '../../domain/json/json.ts'
import type { ClientCapability, ServerDefinition } from '../../domain/documents/server-definition.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { ClientSide } from '../messages/client-side.ts'
import type { Connect, Connection } from '../connection/connection.ts'
import { discover, type Offer } from '../discovery/discovery.ts'
import type { ListName, NamedItem } from '../discovery/listing.ts'
import { sizeOf } from '../instance/pool-size.ts'
import type { Slots } from '../instance/slots.ts'

const DECLARATIONS: Readonly<Record<ClientCapability, JsonObject>> = {
  elicitation: { form: {}, url: {} },
  sampling: { tools: {} },
  roots: { listChanged: true },
}

/** The member that identifies an item of a list. */
const IDENTITIES: Readonly<Record<ListName, string>> = {
  tools: 'name',
  prompts: 'name',
  resources: 'uri',
  resourceTemplates: 'uriTemplate',
}

/**
 * Minimum time between two lookups, which may each start a process: a server may announce one change after the other.
 */
const APART_MS = 30_000

type Items = Readonly<Record<ListName, readonly NamedItem[]>>

const NOTHING: Items = { tools: [], prompts: [], resources: [], resourceTemplates: [] }

/**
 * Finds out what a legacy server offers only to clients with capabilities, which it learns only when it is connected. A
 * second, short connection declares all capabilities that the server's document grants, and lists the offer. If the
 * server is limited to one process, a second one could conflict with it, so it is started only when a client that could
 * see a difference connects, and never again after a failure.
 */
export class ConditionalOffer {
  readonly #clock: Clock
  readonly #definition: () => ServerDefinition
  readonly #discover: (signal: AbortSignal, hurry: AbortSignal) => Promise<Offer | undefined>
  readonly #logger: Logger
  readonly #onChange: (offer: Offer) => void
  /** The offer to clients without capabilities, as it was last listed. */
  #plain: Offer | undefined
  #more: Items = NOTHING
  /** Result of the last lookup; undefined before the first one succeeded. */
  #isDifferent: boolean | undefined
  #program: string | undefined
  /** Whether a lookup failed, or the server was lost during one. */
  #hasFailed = false
  /** Whether a client that could see a difference has connected since the last lookup. */
  #isWanted = false
  /** Signal of the connection for which a lookup is due. */
  #due: AbortSignal | undefined
  #lastEnd = Number.NEGATIVE_INFINITY
  #looking: Promise<void> = Promise.resolve()
  /** Signal of the lookup in progress, which aborts it. */
  #signal: AbortSignal | undefined
  /** Aborts when a client waits for the lookup in progress. */
  #hurry = new AbortController()

  /**
   * @param options.discover looks up the offer; `hurry` aborts when a client waits for it
   * @param options.onChange gets the whole offer when a lookup changed it
   */
  constructor(options: {
    clock: Clock
    definition: () => ServerDefinition
    discover: (signal: AbortSignal, hurry: AbortSignal) => Promise<Offer | undefined>
    logger: Logger
    onChange: (offer: Offer) => void
  }) {
    this.#clock = options.clock
    this.#definition = options.definition
    this.#discover = options.discover
    this.#logger = options.logger
    this.#onChange = options.onChange
  }

  /** The offer to all clients, extended by what the last lookup found. */
  widen(plain: Offer): Offer {
    this.#plain = plain
    return widened(plain, this.#more)
  }

  /** A client has connected that could see a difference. */
  wanted(): void {
    this.#isWanted = true
    this.#hurry.abort()
    if (this.#due !== undefined && !this.#due.aborted) this.#look(this.#due)
  }

  /** The server was connected: starts a lookup, unless the same program showed no difference before. */
  connected({ serverInfo }: Connection, signal: AbortSignal): void {
    const program = canonicalJson(serverInfo ?? {})
    if (program !== this.#program) {
      this.#program = program
      this.#isDifferent = undefined
      this.#hasFailed = false
      this.#lastEnd = Number.NEGATIVE_INFINITY
    }
    if (this.#isDifferent !== false) this.#owe(signal)
  }

  /** The server was listed again: starts a lookup if it showed a difference before. */
  rediscovered(signal: AbortSignal): void {
    if (this.#isDifferent === true) this.#owe(signal)
  }

  /** Resolves when no lookup is in progress, and its connection is closed. */
  settled(): Promise<void> {
    return this.#looking
  }

  #owe(signal: AbortSignal): void {
    const { transport } = this.#definition()
    if (this.#hasFailed && transport === 'stdio') return
    this.#due = signal
    const isFree = transport !== 'stdio' || sizeOf(this.#definition(), { isSolo: false }).max > 1
    if (isFree || this.#isWanted) this.#look(signal)
  }

  /** Runs one lookup at a time: that of an earlier connection, which was aborted, finishes first. */
  #look(signal: AbortSignal): void {
    if (this.#signal === signal || this.#clock.monotonic() - this.#lastEnd < APART_MS) return
    this.#signal = signal
    this.#due = undefined
    const hurry = new AbortController()
    if (this.#isWanted) hurry.abort()
    this.#hurry = hurry
    this.#isWanted = false
    this.#looking = this.#looking.then(() => this.#lookNow(signal, hurry.signal))
  }

  async #lookNow(signal: AbortSignal, hurry: AbortSignal): Promise<void> {
    try {
      const offer = await this.#discover(signal, hurry)
      if (!signal.aborted) this.#found(offer)
    } catch (error) {
      this.#hasFailed = true
      this.#logger.debug({ err: error }, 'failed to list what the server offers to clients with capabilities')
    } finally {
      if (this.#signal === signal) this.#signal = undefined
      if (!signal.aborted) this.#lastEnd = this.#clock.monotonic()
    }
  }

  #found(offer: Offer | undefined): void {
    const plain = this.#plain
    if (plain === undefined) return
    const before = this.#more
    this.#more = offer === undefined ? NOTHING : moreOf(offer, plain)
    this.#isDifferent = Object.values(this.#more).some((items) => items.length > 0)
    if (canonicalJson(before) !== canonicalJson(this.#more)) this.#onChange(widened(plain, this.#more))
  }
}

/**
 * Connects with all client capabilities that the server's document grants, lists the offer, and always closes the
 * connection. Undefined if the server turns out to be modern, because it does not vary its lists.
 * @throws GatewayError if the server cannot be connected or listed
 */
export async function discoverAsClient(options: {
  server: ServerDefinition
  connect: Connect
  clock: Clock
  slots: Slots
  timeoutMs: number
  signal: AbortSignal
}): Promise<Offer | undefined> {
  const { server, connect, clock, slots, timeoutMs, signal } = options
  return slots.use(
    async () => {
      const deadline = new AbortController()
      const cancel = clock.after(timeoutMs, () => deadline.abort(new Error('it took too long')))
      const bounded = { timeoutMs, signal: AbortSignal.any([signal, deadline.signal]) }
      try {
        const connection = await connect(server, UNHEARD, { ...bounded, client: clientOf(server) })
        try {
          return connection.era === 'legacy' ? await discover(connection, bounded) : undefined
        } finally {
          await connection.close()
        }
      } finally {
        cancel()
      }
    },
    signal,
    { tenantId: server.tenantId },
  )
}

const UNHEARD = { onLost: () => undefined, onListChanged: () => undefined }

/** A client that declares everything and answers nothing. */
function clientOf({ name, clientCapabilities }: ServerDefinition): ClientSide {
  return {
    capabilities: Object.fromEntries(clientCapabilities.map((kind) => [kind, DECLARATIONS[kind]])),
    logLevel: undefined,
    ask: () =>
      Promise.reject(new GatewayError('client_not_reachable', undefined, { facts: { server: name } })),
    tell: () => undefined,
  }
}

function moreOf(offer: Items, than: Items): Items {
  return byList((list) => {
    const known = identities(than[list], list)
    return offer[list].filter((item) => !known.has(identity(item, list)))
  })
}

function widened(plain: Offer, more: Items): Offer {
  const added = moreOf(more, plain)
  const needsClient = byList((list) => identities(added[list], list))
  return { ...plain, ...byList((list) => [...plain[list], ...added[list]]), needsClient }
}

function byList<T>(make: (list: ListName) => T): Record<ListName, T> {
  return {
    tools: make('tools'),
    prompts: make('prompts'),
    resources: make('resources'),
    resourceTemplates: make('resourceTemplates'),
  }
}

function identities(items: readonly NamedItem[], list: ListName): Set<string> {
  return new Set(items.map((item) => identity(item, list)))
}

function identity(item: NamedItem, list: ListName): string {
  return String(item[IDENTITIES[list]])
}
