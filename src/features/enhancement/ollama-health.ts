import { type Clock, repeat } from '../../domain/clock.ts'
import type { OllamaClient } from './ollama-client.ts'

/** How the Ollama server was when it was last looked at. */
export interface OllamaStatus {
  readonly state: 'unknown' | 'ready' | 'unreachable'
  /** When the state began, in milliseconds since the epoch. */
  readonly since: number
  readonly models: readonly string[]
}

const LOOK_MS = 30_000

/** Looks every 30 s whether the Ollama server answers, and which models it has. */
export class OllamaHealth {
  readonly #client: Pick<OllamaClient, 'models'>
  readonly #clock: Clock
  readonly #ended = new AbortController()
  #status: OllamaStatus

  constructor(options: { client: Pick<OllamaClient, 'models'>; clock: Clock }) {
    this.#client = options.client
    this.#clock = options.clock
    this.#status = { state: 'unknown', since: options.clock.now(), models: [] }
  }

  get status(): OllamaStatus {
    return this.#status
  }

  /** Starts with a first check, which callers do not wait for. */
  start(): void {
    const cancel = repeat(this.#clock, LOOK_MS, () => void this.#look())
    this.#ended.signal.addEventListener('abort', cancel, { once: true })
    void this.#look()
  }

  /** Ends the looks. Idempotent. */
  close(): void {
    this.#ended.abort()
  }

  async #look(): Promise<void> {
    const models = await this.#client.models(this.#ended.signal).catch(() => undefined)
    if (this.#ended.signal.aborted) return
    const state = models === undefined ? 'unreachable' : 'ready'
    const since = state === this.#status.state ? this.#status.since : this.#clock.now()
    this.#status = { state, since, models: models ?? [] }
  }
}
