import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { networkOf } from '../../domain/text/client-network.ts'
import { type Clock, sleep } from '../../domain/clock.ts'
import { PendingList, PendingPlace } from '../../domain/concurrency/waits.ts'
import { LimitedLog } from '../../telemetry/limited-log.ts'
import type { Logger } from '../../telemetry/logger.ts'

/** How many connections of clients may be open. */
export interface ConnectionLimits {
  readonly total: number
  readonly perAddress: number
}

class Connection {
  readonly socket: Socket
  readonly address: Address
  /** Requests without a complete response. */
  underWay = 0
  /** Whether it never had a request. */
  isFresh = true
  /** Its places in the list of all idle connections, and in that of its address. */
  readonly inAll = new PendingPlace<Connection>(this)
  readonly inAddress = new PendingPlace<Connection>(this)

  constructor(socket: Socket, address: Address) {
    this.socket = socket
    this.address = address
  }
}

/**
 * Connections without a request, longest idle first. Those that never had one are separate, because they are closed
 * first.
 */
class Idle {
  readonly #fresh = new PendingList<Connection>()
  readonly #rested = new PendingList<Connection>()

  add(place: PendingPlace<Connection>): void {
    this.#listOf(place.item).add(place)
  }

  remove(place: PendingPlace<Connection>): void {
    this.#listOf(place.item).remove(place)
  }

  #listOf({ isFresh }: Connection): PendingList<Connection> {
    return isFresh ? this.#fresh : this.#rested
  }

  get first(): Connection | undefined {
    return (this.#fresh.first ?? this.#rested.first)?.item
  }
}

class Address {
  readonly idle = new Idle()
  open = 0
}

const REFRESH_MS = 200

/**
 * Limits the connections of clients, so that the process always has descriptors left for its servers. At the limit the
 * longest idle connection is closed, first those that never sent a request; if none is idle, the new one is closed.
 */
export class Connections {
  readonly #limitsNow: () => Promise<ConnectionLimits>
  readonly #clock: Clock
  readonly #log: LimitedLog
  #limits: ConnectionLimits
  #open = 0
  readonly #idle = new Idle()
  readonly #addresses = new Map<string, Address>()
  readonly #connections = new WeakMap<Socket, Connection>()
  #isRefreshing = false

  /** @param options.limitsNow called again after new connections: the system's limits may change */
  constructor(options: {
    limits: ConnectionLimits
    limitsNow: () => Promise<ConnectionLimits>
    clock: Clock
    logger: Logger
  }) {
    this.#limits = options.limits
    this.#limitsNow = options.limitsNow
    this.#clock = options.clock
    this.#log = new LimitedLog(options)
  }

  get open(): number {
    return this.#open
  }

  /** Counts the connections of a server from here on. */
  watch(server: Server): void {
    server.on('connection', (socket) => this.#opened(socket))
  }

  /** Marks a connection as busy until the response is complete; does nothing if it is upgraded. */
  busy(socket: Socket, response: ServerResponse): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined) return
    connection.underWay += 1
    if (connection.underWay === 1) this.#forget(connection)
    connection.isFresh = false
    // It closes once: a listener that removes itself costs more.
    response.on('close', () => {
      connection.underWay -= 1
      if (connection.underWay === 0 && !socket.destroyed) this.#rest(connection)
    })
  }

  #opened(socket: Socket): void {
    void this.#refresh()
    const name = networkOf(socket.remoteAddress)
    const address = this.#addresses.get(name) ?? new Address()
    if (!this.#hasRoom(address)) {
      socket.destroy()
      return
    }
    this.#addresses.set(name, address)
    const connection = new Connection(socket, address)
    this.#connections.set(socket, connection)
    this.#open += 1
    address.open += 1
    this.#rest(connection)
    socket.on('close', () => this.#closed(name, connection))
  }

  /** Whether one more is allowed, after an idle connection was closed for it if necessary. */
  #hasRoom(address: Address): boolean {
    const isOfAddress = address.open >= this.#limits.perAddress
    if (!isOfAddress && this.#open < this.#limits.total) return true
    this.#tell(isOfAddress)
    return this.#end((isOfAddress ? address.idle : this.#idle).first)
  }

  /** Closes an idle connection; false if there is none. */
  #end(connection: Connection | undefined): boolean {
    if (connection === undefined) return false
    this.#forget(connection)
    connection.socket.destroy()
    return true
  }

  #closed(name: string, connection: Connection): void {
    const { address } = connection
    this.#forget(connection)
    this.#open -= 1
    address.open -= 1
    if (address.open === 0) this.#addresses.delete(name)
  }

  #rest({ address, inAll, inAddress }: Connection): void {
    this.#idle.add(inAll)
    address.idle.add(inAddress)
  }

  #forget({ address, inAll, inAddress }: Connection): void {
    this.#idle.remove(inAll)
    address.idle.remove(inAddress)
  }

  /** Reads the limits once per interval, at its end: connections that the system refuses are never seen here. */
  async #refresh(): Promise<void> {
    if (this.#isRefreshing) return
    this.#isRefreshing = true
    await sleep(this.#clock, REFRESH_MS)
    this.#isRefreshing = false
    this.#limits = await this.#limitsNow()
    for (let excess = this.#open - this.#limits.total; excess > 0; excess -= 1) {
      if (!this.#end(this.#idle.first)) return
    }
  }

  #tell(isOfAddress: boolean): void {
    const { total, perAddress } = this.#limits
    this.#log.warn(
      () => ({ open: this.#open, maxConnections: total, maxConnectionsPerAddress: perAddress }),
      isOfAddress
        ? 'an address has reached its connection limit; its idle connections are closed, further ones are rejected'
        : 'the connection limit is reached; idle connections are closed, further ones are rejected',
    )
  }
}
