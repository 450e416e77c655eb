import type { Clock } from '../../domain/clock.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { DocumentStore } from '../../firestore/document-store.ts'
import type { Logger } from '../../telemetry/logger.ts'

/** What an operator is told about a document. */
export interface DocumentStatus {
  /** Null when the document names no valid tenant. */
  readonly tenantId: string | null
  readonly state: 'accepted' | 'quarantined'
  /** Null when it is accepted. */
  readonly reason: string | null
}

const STATUSES = 'mcp_server_status'
const RETRY_MS = 15_000

/**
 * Tells operators in `mcp_server_status/{document id}`, `{tenantId, state, reason, updatedAt, generation}`, why a
 * document is not in use. A document that was always valid has no status; one that was repaired is `accepted`; the
 * status of a deleted document is deleted. Written one at a time in the background, only what changed, and only
 * when another gateway has not written the same already; failures are tried again later.
 */
export class StatusWriter {
  readonly #store: DocumentStore
  readonly #clock: Clock
  readonly #logger: Logger
  #wanted: ReadonlyMap<string, DocumentStatus> = new Map()
  #generation = 0
  /** What is in the store as far as is known, as `state reason` by document id; undefined until it was read. */
  #written: Map<string, string> | undefined
  #writing = false
  #again = false
  #closed = false
  #cancelRetry: () => void = () => {}

  constructor(options: { store: DocumentStore; clock: Clock; logger: Logger }) {
    this.#store = options.store
    this.#clock = options.clock
    this.#logger = options.logger
  }

  /** Says the status of every document there is. Never throws and never waits. */
  report(statuses: ReadonlyMap<string, DocumentStatus>, generation: number): void {
    this.#wanted = statuses
    this.#generation = generation
    this.#start()
  }

  /** Gives up what is not written. Idempotent. */
  close(): void {
    this.#closed = true
    this.#cancelRetry()
  }

  #start(): void {
    this.#again = true
    if (this.#writing || this.#closed) return
    this.#writing = true
    void this.#writeAll()
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#again && !this.#closed) {
        this.#again = false
        await this.#writeDue()
      }
    } catch (error) {
      this.#logger.warn({ err: error }, 'the status of registry documents could not be written')
      this.#cancelRetry()
      this.#cancelRetry = this.#clock.after(RETRY_MS, () => this.#start())
    } finally {
      this.#writing = false
    }
  }

  async #writeDue(): Promise<void> {
    const written = (this.#written ??= await this.#known())
    for (const [id, status] of this.#wanted) {
      if (this.#closed) return
      const text = textOf(status.state, status.reason)
      const before = written.get(id)
      if (before === text || (before === undefined && status.state === 'accepted')) continue
      await this.#write(id, status)
      written.set(id, text)
    }
    for (const id of written.keys()) {
      if (this.#wanted.has(id) || this.#closed) continue
      await this.#store.delete(`${STATUSES}/${id}`)
      written.delete(id)
    }
  }

  async #known(): Promise<Map<string, string>> {
    const documents = await this.#store.where(STATUSES, 'state', 'quarantined')
    return new Map(documents.map(({ id, value }) => [id, textOf('quarantined', value['reason'])]))
  }

  async #write(id: string, status: DocumentStatus): Promise<void> {
    const path = `${STATUSES}/${id}`
    const present = await this.#store.get(path)
    if (present !== undefined && isSame(present.value, status)) return
    const updatedAt = new Date(this.#clock.now()).toISOString()
    await this.#store.set(path, { ...status, updatedAt, generation: this.#generation })
  }
}

function isSame(value: JsonObject, status: DocumentStatus): boolean {
  return (
    value['state'] === status.state &&
    value['reason'] === status.reason &&
    value['tenantId'] === status.tenantId
  )
}

function textOf(state: string, reason: unknown): string {
  return `${state} ${String(reason)}`
}
