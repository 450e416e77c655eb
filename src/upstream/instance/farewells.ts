import { type Clock, sleep } from '../../domain/clock.ts'
import type { Connection } from '../connection/connection.ts'

/** Time for the server to answer the calls of a lost session: only then may they be repeated. */
const LINGER_MS = 1000

/** Closes an instance's earlier connections. */
export class Farewells {
  readonly #clock: Clock
  readonly #hurry: AbortSignal
  /** The close of the previous connection, which takes time if its process hangs. */
  #last: Promise<void> | undefined
  /** The close of connections whose session was lost; only `all` waits for it. */
  #lingering: Promise<unknown> | undefined

  /** @param options.hurry aborts when no connection may linger any more */
  constructor(options: { clock: Clock; hurry: AbortSignal }) {
    this.#clock = options.clock
    this.#hurry = options.hurry
  }

  /** What must be closed before the next connection is opened. */
  get last(): Promise<void> | undefined {
    return this.#last
  }

  /** A connection whose session was lost lingers; any other is closed before the next one is opened. */
  dismiss(connection: Connection, { isSessionOver }: { isSessionOver: boolean }): void {
    if (!isSessionOver) {
      this.#last = connection.close()
      return
    }
    const lingered = sleep(this.#clock, LINGER_MS, this.#hurry)
    this.#lingering = Promise.all([this.#lingering, lingered.then(() => connection.close())])
  }

  /** Resolves when all are closed. */
  async all(): Promise<void> {
    await Promise.all([this.#last, this.#lingering])
  }
}
