import { type Clock, sleep } from '../../domain/clock.ts'
import type { Connection } from '../connection/connection.ts'

/** Time for calls over a session that has ended to be told so by the server: only then they may be repeated. */
const LINGER_MS = 1000

/** The ends of an instance's earlier connections. */
export class Farewells {
  readonly #clock: Clock
  readonly #hurry: AbortSignal
  /** The end of the connection before, which takes a while when its process hangs. */
  #last: Promise<void> | undefined
  /** The end of connections whose session was lost, which nothing but the end of all waits for. */
  #lingering: Promise<unknown> | undefined

  /** @param options.hurry aborted when nothing may linger any more */
  constructor(options: { clock: Clock; hurry: AbortSignal }) {
    this.#clock = options.clock
    this.#hurry = options.hurry
  }

  /** What has to end before the next connection is opened. */
  get last(): Promise<void> | undefined {
    return this.#last
  }

  /** A connection outlives its session for a while; everything else has to end before the next one is opened. */
  dismiss(connection: Connection, { isSessionOver }: { isSessionOver: boolean }): void {
    if (!isSessionOver) {
      this.#last = connection.close()
      return
    }
    const lingered = sleep(this.#clock, LINGER_MS, this.#hurry)
    this.#lingering = Promise.all([this.#lingering, lingered.then(() => connection.close())])
  }

  /** Resolves when all have ended. */
  async all(): Promise<void> {
    await Promise.all([this.#last, this.#lingering])
  }
}
