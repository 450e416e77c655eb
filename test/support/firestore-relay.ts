import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { pipeline } from 'node:stream'

/** What is behind a relay. */
export interface RelayTarget {
  readonly host: string
  readonly port: number
  /** Awaited with each chunk that comes from a client before it goes on. */
  readonly beforeForward?: (chunk: Buffer) => Promise<void>
}

/**
 * A port on loopback that stays the same whatever comes and goes behind it, and that no other process can take
 * meanwhile. While there is nothing behind it connections break at once.
 */
export class FirestoreRelay {
  readonly port: number
  readonly #sockets = new Set<Socket>()
  #target: RelayTarget | undefined
  #thawed = Promise.resolve()
  #thaw = (): void => {}

  private constructor(server: Server) {
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (caller) => this.#accept(caller))
  }

  /** Takes a free port. It is held until this process ends, and does not keep it alive. */
  static async open(): Promise<FirestoreRelay> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    server.unref()
    return new FirestoreRelay(server)
  }

  /** Connections from now on lead to `target`. */
  attach(target: RelayTarget): void {
    this.#target = target
  }

  /** Breaks all connections, and those to come. Idempotent. */
  detach(): void {
    this.#target = undefined
    this.thaw()
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Nothing goes through in either direction until `thaw`: what was sent meanwhile arrives then. */
  freeze(): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#thawed = promise
    this.#thaw = resolve
  }

  /** Idempotent. */
  thaw(): void {
    this.#thaw()
  }

  #accept(caller: Socket): void {
    const target = this.#target
    if (target === undefined) {
      caller.destroy()
      return
    }
    const callee = connect(target)
    for (const socket of [caller, callee]) {
      this.#sockets.add(socket.setNoDelay())
      socket.once('close', () => this.#sockets.delete(socket))
    }
    this.#forward(caller, callee, target.beforeForward)
    this.#forward(callee, caller)
  }

  #forward(from: Socket, to: Socket, beforeForward?: (chunk: Buffer) => Promise<void>): void {
    const chunks = async function* (this: FirestoreRelay, source: AsyncIterable<Buffer>) {
      for await (const chunk of source) {
        await this.#thawed
        await beforeForward?.(chunk)
        yield chunk
      }
    }.bind(this)
    pipeline(from, chunks, to, () => {
      from.destroy()
      to.destroy()
    })
  }
}
