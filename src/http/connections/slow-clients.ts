import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { type Clock, repeat } from '../../domain/clock.ts'
import { type Pending, PendingSet } from '../../domain/concurrency/waits.ts'
import { LimitedLog } from '../../telemetry/limited-log.ts'
import type { Logger } from '../../telemetry/logger.ts'

declare module 'node:net' {
  interface Socket {
    /** The tenant of the last request on this connection whose token was valid. */
    tenantId?: string
    /** Messages that have arrived on it; undefined unless it is a WebSocket. */
    messages?: number
    /** Internal to Node: bytes in the system's send buffer. `writableLength` falls only when all of them are sent. */
    _handle?: { readonly writeQueueSize?: number } | null
  }
}

/** Short enough that a busy process writes only a fraction of the limit between two checks. */
const CHECK_MS = 250
/** A client that has read nothing for this long is not reading. The system accepts more when a third of its buffer, up to 4 MB, is free. */
const NOT_READING_MS = 2000

/** Why a connection was closed: its client did not read for too long, or all clients together left too much unread. */
export type SlowReason = 'send_timeout' | 'unread_limit'

interface SlowClientOptions {
  /** Limit of buffered data for all connections together: unread responses, and incomplete messages. */
  readonly maxUnreadBytes: number
  /** How long a client may read nothing while data is buffered for it. */
  readonly sendTimeoutMs: number
  readonly clock: Clock
  readonly logger: Logger
  readonly onClosed?: (reason: SlowReason) => void
}

/** The connection of a client, and the data buffered for it. */
class Client implements Pending {
  index = 0
  readonly socket: Socket
  /** Since when data is buffered, in monotonic milliseconds; undefined while none is. */
  behindSince: number | undefined
  /** Bytes in memory of a WebSocket message that has not arrived completely, as of the last check. */
  unfinished = 0
  #messages = -1
  /** Bytes that had been received when the number of messages last changed. */
  #bytesBefore = 0
  readonly onTimeout: () => void
  /** Size of the system's queue at the last check, and when it last changed. */
  #queued = 0
  #changedAt = -Infinity

  constructor(socket: Socket, onTimeout: () => void) {
    this.socket = socket
    this.onTimeout = onTimeout
  }

  get unread(): number {
    return this.socket.writableLength
  }

  /** Unread and unfinished bytes. */
  get held(): number {
    return this.unread + this.unfinished
  }

  /** Measures the incomplete message of a WebSocket. */
  measure(): void {
    const { messages } = this.socket
    if (messages === undefined) return
    const { bytesRead } = this.socket
    if (messages !== this.#messages) this.#bytesBefore = bytesRead
    this.#messages = messages
    this.unfinished = bytesRead - this.#bytesBefore
  }

  /** Whether data was recently added or read, as far as was measured. */
  isReading(now: number): boolean {
    const queued = this.socket['_handle']?.writeQueueSize ?? 0
    if (queued !== this.#queued) this.#changedAt = now
    this.#queued = queued
    return now - this.#changedAt < NOT_READING_MS
  }

  get tenant(): string {
    return this.socket.tenantId ?? ''
  }

  /** Buffered bytes by time: a busy stream has a little buffered data at any time. */
  weight(now: number): number {
    return this.held * (now - (this.behindSince ?? now) + CHECK_MS)
  }
}

/**
 * Closes connections whose clients do not read: Node buffers writes without a limit, so one caller with a few hundred large
 * results could use all memory. A client may be slow as long as it reads something within the timeout. Above the limit for
 * all connections, the tenant with the most unread data loses the connections that have buffered it the longest. Incomplete
 * WebSocket messages count like unread data.
 */
export class SlowClients {
  readonly #options: SlowClientOptions
  readonly #clients = new PendingSet<Client>()
  #stop: (() => void) | undefined
  readonly #log: LimitedLog
  #closed = 0

  constructor(options: SlowClientOptions) {
    this.#options = options
    this.#log = new LimitedLog(options)
  }

  /** Watches the connections of a server from here on, also those that are upgraded later. */
  watch(server: Server): void {
    server.on('connection', (socket) => this.#add(socket))
  }

  /** Bytes buffered for clients that read, if this is called regularly while there are any. */
  get beingRead(): number {
    const now = this.#options.clock.monotonic()
    let bytes = 0
    for (const client of this.#clients.all)
      if (client.unread > 0 && client.isReading(now)) bytes += client.unread
    return bytes
  }

  #add(socket: Socket): void {
    const client = new Client(socket, () => this.#close(client, 'send_timeout'))
    this.#clients.add(client)
    this.#stop ??= repeat(this.#options.clock, CHECK_MS, () => this.#check())
    socket.once('close', () => {
      this.#clients.remove(client)
      if (this.#clients.all.length > 0) return
      this.#stop?.()
      this.#stop = undefined
    })
  }

  #check(): void {
    const { clock, maxUnreadBytes } = this.#options
    const now = clock.monotonic()
    let held = 0
    for (const client of this.#clients.all) {
      client.measure()
      held += client.held
      if (client.unread > 0 !== (client.behindSince !== undefined)) this.#changed(client, now)
    }
    if (held > maxUnreadBytes) this.#closeLargest(held - maxUnreadBytes, now)
  }

  /** Node's timeout of a socket counts from the last byte that its client took, not from the last write. */
  #changed(client: Client, now: number): void {
    const { socket, onTimeout } = client
    const { sendTimeoutMs } = this.#options
    if (client.behindSince === undefined) {
      client.behindSince = now
      socket.setTimeout(sendTimeoutMs, onTimeout)
      return
    }
    client.behindSince = undefined
    socket.off('timeout', onTimeout)
    // Behind a response Node has set that of an idle connection.
    if (socket.timeout === sendTimeoutMs) socket.setTimeout(0)
  }

  #closeLargest(excess: number, now: number): void {
    const behind = this.#clients.all.filter(({ held }) => held > 0)
    const tenants = [...Map.groupBy(behind, ({ tenant }) => tenant).values()].map((clients) => ({
      clients: clients.toSorted((one, other) => one.weight(now) - other.weight(now)),
      held: clients.reduce((sum, { held }) => sum + held, 0),
    }))
    for (let left = excess; left > 0;) {
      const largest = tenants.reduce((one, other) => (other.held > one.held ? other : one))
      const client = largest.clients.pop()
      if (client === undefined) return
      largest.held -= client.held
      left -= client.held
      this.#close(client, 'unread_limit')
    }
  }

  #close(client: Client, reason: SlowReason): void {
    const { socket } = client
    // Its end is heard of later.
    this.#clients.remove(client)
    socket.destroy()
    this.#options.onClosed?.(reason)
    this.#closed += 1
    const { maxUnreadBytes, sendTimeoutMs } = this.#options
    this.#log.warn(
      () => ({ closed: this.#closed, tenant: socket.tenantId, sendTimeoutMs, maxUnreadBytes }),
      reason === 'send_timeout'
        ? 'a client did not read its response for the send timeout; its connection is closed'
        : 'clients have left too much of their responses unread; connections that hold the most are closed',
    )
  }
}
