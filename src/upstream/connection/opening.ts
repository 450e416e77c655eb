import {
  Client,
  type Implementation,
  type PriorDiscovery,
  SseError,
  type VersionNegotiationMode,
} from '@modelcontextprotocol/client'
import type { Clock } from '../../domain/clock.ts'
import type { Channel } from './channel.ts'
import type { ConnectionEvents } from './connection.ts'
import { unreachableCode } from './limited-fetch.ts'
import { listenForChanges, onListChanges } from './list-changes.ts'
import { SdkConnection } from './sdk-connection.ts'
import { statusOf } from './upstream-error.ts'

/** How to find the era of a server: it is known to be legacy, or it is asked. */
export type EraQuestion =
  | { readonly kind: 'legacy' }
  | { readonly kind: 'ask'; readonly mode: VersionNegotiationMode; readonly probeMs: number }

/**
 * Connects a client over a channel. When that fails or `signal` is aborted, the channel is closed, completely,
 * before the promise rejects with what went wrong.
 */
export async function open(options: {
  server: string
  channel: Channel
  question: EraQuestion
  timeoutMs: number
  signal: AbortSignal
  events: ConnectionEvents
  clientInfo: Implementation
  clock: Clock
  random: () => number
}): Promise<SdkConnection> {
  const { channel, question, events, signal, clock, random } = options
  const { transport } = channel
  const life = new Life({ onLost: events.onLost })
  const client = new Client(options.clientInfo, question.kind === 'ask' ? negotiation(question) : {})
  const onListChanged = life.whileLive(events.onListChanged)
  onListChanges(client, onListChanged)
  Object.assign(client, {
    onclose: () => life.lose(channel.endReason()),
    onerror: (error: Error) => {
      const reason = lossIn(error, transport.sessionId !== undefined)
      // The request that noticed it fails first, with its own error.
      if (reason !== undefined) setImmediate(() => life.lose(reason))
    },
  })
  try {
    const prior: PriorDiscovery | undefined = question.kind === 'legacy' ? { kind: 'legacy' } : undefined
    const connecting = client.connect(transport, {
      timeout: options.timeoutMs,
      signal,
      ...(prior !== undefined && { prior }),
    })
    await unlessAborted(connecting, signal)
  } catch (error) {
    await transport.close().catch(() => undefined)
    throw error
  }
  const close = async (): Promise<void> => {
    life.end()
    await channel.sayGoodbye()
    await client.close()
    // Closes a transport that the client has already let go of.
    await transport.close()
  }
  const connection = new SdkConnection({
    server: options.server,
    client,
    transport,
    pid: channel.pid(),
    close,
  })
  life.begin(connection)
  if (connection.era === 'modern')
    void listenForChanges({ client, onListChanged, clock, random, signal: life.signal })
  return connection
}

function negotiation({ mode, probeMs }: { mode: VersionNegotiationMode; probeMs: number }): {
  versionNegotiation: { mode: VersionNegotiationMode; probe: { timeoutMs: number } }
} {
  return { versionNegotiation: { mode, probe: { timeoutMs: probeMs } } }
}

/** Rejects as soon as `signal` is aborted; what becomes of `promise` then does not matter any more. */
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

/** Why an error means that the whole connection is over; undefined for one that concerns a single request. */
function lossIn(error: unknown, hasSession: boolean): string | undefined {
  const unreachable = unreachableCode(error)
  if (unreachable !== undefined) return `it cannot be reached any more (${unreachable})`
  if (error instanceof SseError) return 'the event stream ended'
  return hasSession && statusOf(error) === 404 ? 'its session has ended' : undefined
}

/** From the moment a connection is open until it is closed or lost: the time in which its reports count. */
class Life {
  readonly #onLost: (reason: string) => void
  readonly #over = new AbortController()
  #connection: SdkConnection | undefined
  /** A loss noticed while the connection was being handed over. */
  #lostEarly: string | undefined

  constructor(options: { onLost: (reason: string) => void }) {
    this.#onLost = options.onLost
  }

  /** Aborted when the life is over. */
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

  lose(reason: string): void {
    if (this.#over.signal.aborted) return
    if (this.#connection === undefined) {
      this.#lostEarly = reason
      return
    }
    this.end()
    void this.#connection.close()
    this.#onLost(reason)
  }

  whileLive<T>(report: (value: T) => void): (value: T) => void {
    return (value) => {
      if (this.#connection !== undefined && !this.#over.signal.aborted) report(value)
    }
  }
}
