import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Clock, systemClock } from '../../domain/clock.ts'
import type { TransitBytes } from '../../domain/concurrency/transit-bytes.ts'
import { GatewayError, messageOf } from '../../domain/errors/errors.ts'
import {
  type ResolveSecret,
  secretPlaces,
  type SecretReference,
  SecretRefused,
} from '../../domain/documents/secret-reference.ts'
import {
  isHttp,
  type ServerDefinition,
  type ServerKey,
  serverKey,
} from '../../domain/documents/server-definition.ts'
import { EVERY_PROGRAM } from '../../domain/launch/launch-policy.ts'
import type { Principal } from '../../domain/principal.ts'
import { Outbound } from '../../outbound/outbound.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { type Channel, httpChannel, stdioChannel } from './channel.ts'
import type { ClientSide } from '../messages/client-side.ts'
import type { Connect, Connection, ConnectionEvents, ConnectOptions, Era } from './connection.ts'
import { EraMemory, memoryKey } from './opening/era-memory.ts'
import type { CredentialsOf } from '../credentials/credential-source.ts'
import { type EraQuestion, open } from './opening/opening.ts'
import { isInvalidOpening } from './opening/opening-answer.ts'
import { OpeningDeadline } from './opening/opening-deadline.ts'
import type { LaunchOptions } from '../stdio/launch.ts'
import { nodeModulesOf, type PackageFolders } from '../stdio/package-command.ts'
import type { ProcessLog } from '../stdio/process-log.ts'
import { withoutSecrets } from './decorators/redacted-connection.ts'
import { type Redact, redactedError, redactor } from './decorators/redaction.ts'
import { type ServerWithSecrets, withSecrets } from './resolve-secrets.ts'
import { SessionDoubts } from './session/session-doubts.ts'
import { type Tap, tapped } from './decorators/tap.ts'
import { isOfOtherTransport, openingFailure } from './upstream-error.ts'

const ASK_TIMEOUT_MS = 10 * 60 * 1000

/** What all connections to servers share. */
export interface ConnectorOptions {
  /** How the gateway introduces itself to servers. */
  readonly clientInfo: { readonly name: string; readonly version: string }
  /** Largest single message that a server may send, in bytes, decoded. */
  readonly maxMessageBytes: number
  /** Whether plain requests bypass the SDK; true by default. */
  readonly directPath?: 'on' | 'off'
  /** The header `via` of HTTP requests, by which the gateway recognises its own requests. */
  readonly via?: string
  /** Packages are also searched in its folder `packages/node_modules`. */
  readonly dataDir: string
  /** Which programs are started, and what they do not see; by default every one, and all but `dataDir`. */
  readonly launch?: Omit<LaunchOptions, 'dataDir'>
  readonly logger: Logger
  readonly clock?: Clock
  readonly random?: () => number
  /** Timeout for a client's answer to a request of a server, in milliseconds; 10 minutes by default. */
  readonly askTimeoutMs?: number
  /** The log of a server's processes. Absent if their output is not kept. */
  readonly processLog?: (key: ServerKey) => ProcessLog
  /** Told how many places of a result had a secret of its server. */
  readonly onRedacted?: (server: string, count: number) => void
  /** Told, while a server sends a flood, how many notifications were left out. */
  readonly onLeftOut?: (server: ServerDefinition, count: number) => void
  /** Resolves each secret that a server names, at each connection. Absent if there are no secrets. */
  readonly resolveSecret?: ResolveSecret
  /** Where connections may go; by default anywhere. */
  readonly outbound?: Outbound
  /** Counts large results; by default they have no limit. */
  readonly transit?: TransitBytes | undefined
  /** The accounts at servers. Absent if there are none. */
  readonly credentialsOf?: CredentialsOf
}

/** One attempt to open a connection, and its limits. */
interface Opening {
  /** The server with the values of its secrets, which only the channel may see. */
  readonly filled: ServerWithSecrets
  readonly events: ConnectionEvents
  readonly client: ClientSide | undefined
  readonly onBehalfOf: Principal | undefined
  readonly tap: Tap | undefined
  /** Aborted by the caller or the deadline. */
  readonly signal: AbortSignal
  readonly deadline: OpeningDeadline
}

/** Makes the function that opens connections of every transport and era; it remembers the era of each server. */
export function createConnector(options: ConnectorOptions): Connect {
  const connector = new Connector(options)
  return (server, events, connectOptions) => connector.connect(server, events, connectOptions)
}

class Connector {
  readonly #options: ConnectorOptions
  readonly #clock: Clock
  readonly #eras: EraMemory
  readonly #doubts = new SessionDoubts()
  readonly #outbound: Outbound

  constructor(options: ConnectorOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#outbound = options.outbound ?? new Outbound()
    this.#eras = new EraMemory({ clock: this.#clock })
  }

  async connect(
    server: ServerDefinition,
    events: ConnectionEvents,
    { timeoutMs, signal, client, onBehalfOf, tap }: ConnectOptions,
  ): Promise<Connection> {
    const deadline = new OpeningDeadline({ clock: this.#clock, timeoutMs })
    const bounded = AbortSignal.any([signal, deadline.signal])
    let secrets: readonly string[] = []
    try {
      const filled = await this.#filled(server, bounded)
      secrets = filled.secrets
      const opening: Opening = { filled, events, client, onBehalfOf, tap, signal: bounded, deadline }
      const connection = await (server.transport === 'stdio' ? this.#stdio(opening) : this.#http(opening))
      return withoutSecrets(connection, { server, secrets, ...this.#options })
    } catch (error) {
      throw failure(server, error, secrets)
    } finally {
      deadline.end()
    }
  }

  async #filled(server: ServerDefinition, signal: AbortSignal): Promise<ServerWithSecrets> {
    const { resolveSecret = noSecrets } = this.#options
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const abort = (): void => reject(new Explained(messageOf(signal.reason)))
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    try {
      return await Promise.race([withSecrets(server, resolveSecret), aborted])
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /**
   * Opens a process. A process that is probed for its era may take the whole timeout while it sends nothing. One that
   * ends on the probe, or answers it and then hangs, is started again as a legacy server.
   */
  async #stdio(opening: Opening): Promise<Connection> {
    const known = this.#knownEra(opening)
    if (known !== undefined) return this.#openProcess(opening, known)
    try {
      return await this.#openProcess(opening, 'ask')
    } catch (error) {
      if (error instanceof NotStarted || opening.signal.aborted) throw error
      if (error instanceof Explained && isInvalidOpening(error.cause)) throw error
      this.#options.logger.debug(
        { server: opening.filled.server.name, reason: messageOf(error) },
        'starting it again as a legacy server',
      )
      opening.deadline.begin()
      return this.#openProcess(opening, 'legacy')
    }
  }

  async #openProcess(opening: Opening, question: EraQuestion): Promise<Connection> {
    const { tap, filled } = opening
    tap?.onTarget(question === 'legacy' ? 'process, as a legacy server' : 'process')
    const channel = await stdioChannel(filled, {
      packages: await this.#packages(),
      launch: { policy: EVERY_PROGRAM, hidden: [], ...this.#options.launch, dataDir: this.#options.dataDir },
      maxMessageBytes: this.#options.maxMessageBytes,
      clock: this.#clock,
      log: tap?.log ?? this.#options.processLog?.(serverKey(filled.server)),
    }).catch((error: unknown) => Promise.reject(new NotStarted(messageOf(error), { cause: error })))
    return this.#open(opening, channel, question)
  }

  async #http(opening: Opening): Promise<Connection> {
    const { transport } = opening.filled.server
    if (transport === 'sse') return this.#openEndpoint(opening, true)
    if (transport === 'streamable-http') return this.#openEndpoint(opening, false)
    try {
      return await this.#openEndpoint(opening, false)
    } catch (error) {
      if (!(error instanceof Explained && (error.isOfSse || isOfOtherTransport(error.cause)))) throw error
      return await this.#openEndpoint(opening, true).catch((second: unknown) => {
        const both = `over Streamable HTTP ${messageOf(error)}; over HTTP+SSE ${messageOf(second)}`
        throw new Explained(both, { cause: second })
      })
    }
  }

  #openEndpoint(opening: Opening, isSse: boolean): Promise<Connection> {
    opening.tap?.onTarget(isSse ? 'endpoint over HTTP+SSE' : 'endpoint over Streamable HTTP')
    const channel = httpChannel(opening.filled, {
      ...this.#options,
      isSse,
      credential: isHttp(opening.filled.server)
        ? this.#options.credentialsOf?.(opening.filled.server, opening.onBehalfOf)
        : undefined,
      outbound: this.#outbound,
      clock: this.#clock,
    })
    const known = isSse ? 'legacy' : this.#knownEra(opening)
    return this.#open(opening, channel, known ?? 'ask')
  }

  async #open(opening: Opening, channel: Channel, question: EraQuestion): Promise<Connection> {
    const { events, signal, deadline, tap } = opening
    const { server } = opening.filled
    const key = memoryKey(server)
    const { clientInfo, random = Math.random, askTimeoutMs = ASK_TIMEOUT_MS } = this.#options
    try {
      const connection = await open({
        server: server.name,
        channel,
        question,
        remaining: () => deadline.remaining(),
        signal,
        events,
        clientInfo,
        side: opening.client,
        askTimeoutMs,
        clock: this.#clock,
        random,
        isDirect: this.#options.directPath !== 'off',
        doubts: { isDoubted: this.#doubts.has(key), onDoubtfulLoss: () => this.#doubts.add(key) },
        onMessage: tap && tapped(tap, redactorOf(opening.filled)),
      })
      if (server.era === 'auto') this.#eras.remember(key, connection.era)
      return connection
    } catch (error) {
      this.#eras.forget(key)
      // The probe may have made it hang, or it is only slow: the next process is not probed.
      if (question === 'ask' && isSilent(opening, channel)) this.#eras.remember(key, 'legacy')
      if (server.transport === 'stdio' && channel.pid() === undefined)
        throw new NotStarted(messageOf(error), { cause: error })
      const reason = signal.aborted ? messageOf(signal.reason) : openingFailure(error)
      throw new Explained(channel.explain(reason), { cause: error, isOfSse: channel.speaksSse() })
    }
  }

  #knownEra({ filled: { server } }: Opening): Era | undefined {
    return server.era === 'auto' ? this.#eras.recall(memoryKey(server)) : server.era
  }

  /** Looked up at each start, so that packages installed in the meantime are found. */
  async #packages(): Promise<PackageFolders> {
    const { dataDir } = this.#options
    const installed = join(dataDir, 'packages')
    const own = await nodeModulesOf(dirname(fileURLToPath(import.meta.url)))
    return { nodeModules: [join(installed, 'node_modules'), ...own], installed }
  }
}

/** The process could not be started, so no other attempt makes sense. The message is for operators. */
class NotStarted extends Error {
  override readonly name = 'NotStarted'
}

/** A failed opening with a message for operators. */
class Explained extends Error {
  override readonly name = 'Explained'
  /** Whether the server answered like a server of HTTP+SSE. */
  readonly isOfSse: boolean

  constructor(message: string, { cause, isOfSse = false }: { cause?: unknown; isOfSse?: boolean } = {}) {
    super(message, { cause })
    this.isOfSse = isOfSse
  }
}

/** Makes a function that removes the secrets of a server, including those written in its document. */
function redactorOf({ server, secrets }: ServerWithSecrets): Redact {
  return redactor({ secrets, literals: secretPlaces(server).map(({ value }) => value) })
}

/** Whether a process has used its whole timeout without sending anything. */
function isSilent({ deadline }: Opening, channel: Channel): boolean {
  return channel.isPipe && deadline.signal.aborted && !channel.hasSpoken()
}

function noSecrets(reference: SecretReference): Promise<never> {
  return Promise.reject(new SecretRefused(reference, 'missing', 'this gateway has no secret source'))
}

function failure(server: ServerDefinition, error: unknown, secrets: readonly string[]): GatewayError {
  const isTold = error instanceof NotStarted || error instanceof Explained || error instanceof SecretRefused
  const redact = redactor({ secrets })
  return new GatewayError('upstream_unavailable', redact(isTold ? error.message : openingFailure(error)), {
    cause: secrets.length === 0 ? error : redactedError(error, redact),
    facts: { server: server.name, mayHaveExecuted: false },
  })
}
