import { type Clock, sleep } from '../../domain/clock.ts'
import type { WatchedRegistry } from '../collections.ts'
import type { WrittenDocument } from '../registry-source.ts'

const MAX_WAIT_MS = 2000

interface Pending {
  readonly written: WrittenDocument
  readonly done: () => void
}

/** Writes whose authors wait until they are in force. */
export class PendingWrites {
  readonly #clock: Clock
  readonly #pending = new Set<Pending>()

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock
  }

  /** Resolves once the documents in force have a write, or after a while. */
  async wait(written: WrittenDocument): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const pending = { written, done: resolve }
    this.#pending.add(pending)
    await Promise.race([promise, sleep(this.#clock, MAX_WAIT_MS)])
    this.#pending.delete(pending)
  }

  /** Looks which writes are among the documents of the store that have just been taken over. */
  look(documents: WatchedRegistry): void {
    for (const pending of this.#pending) if (isIn(documents, pending.written)) pending.done()
  }

  /** Lets everybody go. */
  close(): void {
    for (const { done } of this.#pending) done()
  }
}

function isIn(documents: WatchedRegistry, { section, tenantId, name, etag }: WrittenDocument): boolean {
  const found = documents[section].find(
    ({ id, value }) => (value['name'] ?? id) === name && value['tenantId'] === tenantId,
  )
  return etag === undefined ? found === undefined : found !== undefined && isAsNew(found.version, etag)
}

/** Both are times, as `<seconds>.<nanoseconds>`; a later one may have come in between. */
function isAsNew(version: string, etag: string): boolean {
  const [seconds = 0, nanoseconds = 0] = version.split('.').map(Number)
  const [wantedSeconds = 0, wantedNanoseconds = 0] = etag.split('.').map(Number)
  return seconds > wantedSeconds || (seconds === wantedSeconds && nanoseconds >= wantedNanoseconds)
}
