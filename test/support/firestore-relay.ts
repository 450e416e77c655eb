import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { pipeline } from 'node:stream'

/**
 * A port on loopback behind which there is another: what happens to a process happens to the port, whether what is
 * behind it can be stopped or not.
 */
export class FirestoreRelay {
  readonly port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #thawed = Promise.resolve()
  #thaw = (): void => {}

  private constructor(options: {
    server: Server
    port: number
    target: { host: string; port: number }
    beforeForward: (chunk: Buffer) => Promise<void>
  }) {
    this.#server = options.server
    this.port = options.port
    options.server.on('connection', (caller) => {
      const callee = connect(options.target)
      for (const socket of [caller, callee]) {
        this.#sockets.add(socket.setNoDelay())
        socket.once('close', () => this.#sockets.delete(socket))
      }
      this.#forward(caller, callee, options.beforeForward)
      this.#forward(callee, caller)
    })
  }

  /** @param options.beforeForward is awaited with each chunk that comes from a client before it goes on */
  static async start(options: {
    port: number
    target: { host: string; port: number }
    beforeForward?: (chunk: Buffer) => Promise<void>
  }): Promise<FirestoreRelay> {
    const server = createServer().listen(options.port, '127.0.0.1')
    await once(server, 'listening')
    const beforeForward = options.beforeForward ?? (() => Promise.resolve())
    return new FirestoreRelay({ ...options, server, beforeForward })
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

  /** Breaks all connections and frees the port. */
  async stop(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
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
