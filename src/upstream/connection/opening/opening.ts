import {
  Client,
  type ClientOptions,
  type Implementation,
  type PriorDiscovery,
  SdkErrorCode,
  SdkHttpError,
  SseError,
} from '@modelcontextprotocol/client'
import type { Clock } from '../../../domain/clock.ts'
import type { Channel } from '../channel.ts'
import type { ClientSide } from '../../messages/client-side.ts'
import type { ConnectionEvents, Era } from '../connection.ts'
import { announcedKinds, listenForChanges, onListChanges } from '../list-changes.ts'
import { type Hung, OpeningPipe } from './opening-pipe.ts'
import { DirectRequests } from '../direct-requests.ts'
import { SdkConnection } from '../sdk-connection.ts'
import type { OnMessage } from '../decorators/tap.ts'
import { unreachableCode } from './unreachable.ts'
import { Wire } from '../wire.ts'

const SESSION_ENDED = 'its session has ended'
const CHECK_MS = 10_000
const MODERN = '2026-07-28'
/** Makes the SDK's own timeout longer than the deadline, so that the deadline applies. */
const BEYOND_MS = 1000

/** The era in which a server is opened; `ask` probes for it. */
export type EraQuestion = Era | 'ask'

/**
 * Connects a client over a channel. If that fails or `signal` aborts, the channel is closed completely before the
 * promise rejects with the error.
 */
export async function open(options: {
  server: string
  channel: Channel
  question: EraQuestion
  /** Milliseconds until `signal` aborts at the deadline. */
  remaining: () => number
  signal: AbortSignal
  events: ConnectionEvents
  clientInfo: Implementation
  /** The one client that the connection is for. */
  side: ClientSide | undefined
  askTimeoutMs: number
  clock: Clock
  random: () => number
  /** Gets every message of both directions. */
  onMessage?: OnMessage | undefined
  /** Whether plain requests bypass the SDK. */
  isDirect: boolean
  doubts: { readonly isDoubted: boolean; readonly onDoubtfulLoss: () => void }
}): Promise<SdkConnection> {
  const { channel, question, events, clock, random, askTimeoutMs } = options
  const life = new Life({ onLost: events.onLost })
  const onResourceUpdated = life.whileLive(events.onResourceUpdated ?? (() => undefined))
  const wire = new Wire({
    transport: channel.transport,
    client: options.side,
    onResourceUpdated,
    clock,
    askTimeoutMs,
    onMessage: options.onMessage,
    takeAnswered: channel.takeAnswered,
  })
  const timeout = options.remaining() + BEYOND_MS
  const client = new Client(options.clientInfo, negotiation(question, timeout))
  const onListChanged = life.whileLive(events.onListChanged)
  onListChanges(client, onListChanged)
  channel.onGap(() => announcedKinds(client.getServerCapabilities()).forEach(onListChanged))
  Object.assign(client, {
    onclose: () => life.lose(channel.endReason()),
    onerror: (error: Error) => {
      if (isRefusedStream(error)) life.check()
      const reason = lossIn(error)
      // The request that noticed the loss fails first, with its own error.
      if (reason !== undefined) setImmediate(() => life.lose(reason))
    },
  })
  await connect(options, { client, wire, timeout })
  const close = async (): Promise<void> => {
    life.end()
    await channel.sayGoodbye()
    await client.close()
    // Closes a transport that the client has already released.
    await wire.close()
  }
  const connection = new SdkConnection({
    direct: directRequests(options, client, wire),
    server: options.server,
    client,
    wire,
    pid: channel.pid(),
    clock,
    random,
    signal: life.signal,
    onResourceUpdated,
    session: {
      exists: channel.hasSession(),
      onLost: () => setImmediate(() => life.lose(SESSION_ENDED)),
      ...options.doubts,
    },
    close,
  })
  life.begin(connection)
  // A request of the server to the client of a call may arrive on that stream, and is lost if the call is sent before.
  if (connection.era === 'legacy' && options.side !== undefined) await channel.listening()
  if (connection.era === 'modern')
    void listenForChanges({ client, onListChanged, clock, random, signal: life.signal })
  return connection
}

/** Performs the handshake. If it fails or the signal aborts, the wire is closed before the promise rejects. */
async function connect(
  { channel, question, signal, clock, clientInfo, remaining }: Parameters<typeof open>[0],
  { client, wire, timeout }: { client: Client; wire: Wire; timeout: number },
): Promise<void> {
  const hung = new AbortController()
  const onHung = (reason: Hung): void => hung.abort(reason)
  const probed = question === 'ask' && channel.isPipe
  const pipe = probed ? new OpeningPipe({ transport: wire, clock, clientInfo, remaining, onHung }) : undefined
  try {
    const prior: { prior?: PriorDiscovery } = question === 'legacy' ? { prior: { kind: 'legacy' } } : {}
    const connecting = client.connect(pipe ?? wire, { timeout, signal, ...prior })
    await unlessAborted(connecting, AbortSignal.any([signal, hung.signal]))
    pipe?.opened()
  } catch (error) {
    await wire.close().catch(() => undefined)
    throw error
  }
}

/** Not for a connection that is observed: only the wire shows every message. */
function directRequests(
  { channel, clientInfo, clock, isDirect, onMessage }: Parameters<typeof open>[0],
  client: Client,
  wire: Wire,
): DirectRequests | undefined {
  const { direct } = channel
  const protocolVersion = client.getNegotiatedProtocolVersion()
  if (!isDirect || direct === undefined || protocolVersion === undefined || onMessage !== undefined)
    return undefined
  return new DirectRequests({
    channel: direct,
    era: client.getProtocolEra() ?? 'legacy',
    protocolVersion,
    clientInfo,
    clock,
    onMessage: (message, side) => wire.take(message, side),
  })
}

function negotiation(question: EraQuestion, timeoutMs: number): ClientOptions {
  if (question === 'legacy') return {}
  const mode = question === 'modern' ? { pin: MODERN } : 'auto'
  return { versionNegotiation: { mode, probe: { timeoutMs } } }
}

/** Rejects as soon as `signal` aborts; the outcome of `promise` is then ignored. */
async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  try {
    await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** The reason for which an error means that the whole connection is lost; undefined if it concerns one request. */
function lossIn(error: unknown): string | undefined {
  const unreachable = unreachableCode(error)
  if (unreachable !== undefined) return `it is no longer reachable (${unreachable})`
  return error instanceof SseError ? 'the event stream ended' : undefined
}

/**
 * Whether the stream for messages that belong to no request was refused: the session is lost, or the server has no such
 * stream.
 */
function isRefusedStream(error: unknown): boolean {
  if (!(error instanceof SdkHttpError) || error.code !== SdkErrorCode.ClientHttpFailedToOpenStream)
    return false
  return error.status >= 400 && error.status < 500 && error.status !== 429
}

/** The time from the opening of a connection until it is closed or lost, in which its reports count. */
class Life {
  readonly #onLost: ConnectionEvents['onLost']
  readonly #over = new AbortController()
  #connection: SdkConnection | undefined
  /** The reason of a loss before the connection was returned. */
  #lostEarly: string | undefined

  constructor(options: Pick<ConnectionEvents, 'onLost'>) {
    this.#onLost = options.onLost
  }

  /** Aborts when the connection is closed or lost. */
  get signal(): AbortSignal {
    return this.#over.signal
  }

  begin(connection: SdkConnection): void {
    this.#connection = connection
    const reason = this.#lostEarly
    if (reason !== undefined) setImmediate(() => this.lose(reason))
  }

  end(): void {
    this.#over.abort()
  }

  /** Sends a request that determines whether the session still exists. */
  check(): void {
    const { signal } = this.#over
    if (signal.aborted) return
    void this.#connection?.request('ping', undefined, { signal, timeoutMs: CHECK_MS }).catch(() => undefined)
  }

  lose(reason: string): void {
    if (this.#over.signal.aborted) return
    if (this.#connection === undefined) {
      this.#lostEarly = reason
      return
    }
    this.end()
    if (reason === SESSION_ENDED) {
      // The owner closes the connection, after the server has answered that it did not execute the requests in flight.
      this.#onLost(reason, 'session')
      return
    }
    void this.#connection.close()
    this.#onLost(reason)
  }

  whileLive<T>(report: (value: T) => void): (value: T) => void {
    return (value) => {
      if (this.#connection !== undefined && !this.#over.signal.aborted) report(value)
    }
  }
}
