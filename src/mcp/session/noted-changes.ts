import type { SessionChange } from './legacy-session.ts'

/**
 * Notes what the client of one session changes, one write at a time. What it changes meanwhile is written together after
 * that, so that its parallel requests do not compete for the entry, and as the last of them left it.
 */
export class NotedChanges {
  readonly #write: (change: SessionChange) => Promise<void>
  #waiting: SessionChange | undefined
  #isWriting = false

  /** @param write never rejects */
  constructor(write: (change: SessionChange) => Promise<void>) {
    this.#write = write
  }

  /** Has a change written; resolves when nothing waits any more. */
  async add(change: SessionChange): Promise<void> {
    this.#waiting = { ...this.#waiting, ...change }
    if (this.#isWriting) return
    this.#isWriting = true
    for (let next: SessionChange | undefined = this.#waiting; next !== undefined; next = this.#waiting) {
      this.#waiting = undefined
      await this.#write(next)
    }
    this.#isWriting = false
  }
}
