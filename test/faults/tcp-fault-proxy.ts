import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** What happens to the connections of a proxy. */
export interface TcpFault {
  /** What arrives goes on after this time. */
  readonly delayMs?: number
  /** The connection breaks when so many bytes of answers have gone on. */
  readonly cutAfter?: number
  /** Nothing of an answer goes on, and nobody is told. */
  readonly isHalfOpen?: boolean
}

/** A port in front of another one of loopback, whose connections can be slow, cut at a byte, or half open. */
export class TcpFaultProxy {
  readonly port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Holds for what arrives from now on, on connections that are open, too. */
  fault: TcpFault = {}

  private constructor(server: Server, target: number) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (caller) => this.#accept(caller, target))
  }

  static async open(target: number): Promise<TcpFaultProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new TcpFaultProxy(server, target)
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #accept(caller: Socket, target: number): void {
    const onward = connect(target, '127.0.0.1')
    const cut = (): void => {
      caller.destroy()
      onward.destroy()
    }
    for (const socket of [caller, onward]) {
      this.#sockets.add(socket)
      socket.on('error', cut).on('close', () => {
        this.#sockets.delete(socket)
        cut()
      })
    }
    caller.on('data', (bytes: Buffer) => this.#later(() => onward.write(bytes)))
    onward.on('data', (bytes: Buffer) => this.#later(() => this.#answer(bytes, caller, cut)))
  }

  #answer(bytes: Buffer, caller: Socket, cut: () => void): void {
    const { cutAfter, isHalfOpen } = this.fault
    if (isHalfOpen === true) return
    if (cutAfter === undefined) return void caller.write(bytes)
    // Of what remains, so that a fault that was set between two answers is about the next one.
    this.fault = { ...this.fault, cutAfter: Math.max(0, cutAfter - bytes.length) }
    if (bytes.length < cutAfter) caller.write(bytes)
    else if (cutAfter === 0) cut()
    else caller.write(bytes.subarray(0, cutAfter), cut)
  }

  #later(task: () => void): void {
    const { delayMs = 0 } = this.fault
    if (delayMs === 0) task()
    else setTimeout(task, delayMs)
  }
}
