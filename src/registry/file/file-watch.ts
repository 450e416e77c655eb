import type { Clock } from '../../domain/clock.ts'
import { messageOf } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { PollLoop } from '../../files/poll-loop.ts'
import { fingerprintOf, readLimited } from '../../files/bounded-read.ts'
import { fileErrorCode } from '../../files/file-error.ts'

const POLL_MS = 200
/** A changed file is read once it has stood still this long, so that one in the middle of a write is not. */
const SETTLE_MS = 50

/** The text of a file, or why there is none. */
export type FileContent = { readonly text: string } | { readonly problem: string }

/**
 * A file that is read whenever it changes. It is watched by looking at its identity, size and time: that sees in-place
 * writes, atomic renames and swapped symbolic links (ConfigMaps) alike.
 */
export class FileWatch {
  readonly #path: string
  readonly #maxBytes: number
  readonly #onContent: (content: FileContent) => Promise<void>
  readonly #onLook: () => Promise<void>
  readonly #loop: PollLoop
  /** The fingerprint of what was read last, and of a change that has not settled yet. */
  #seen = ''
  #unsettled = ''
  #isWhole = false

  /**
   * @param options.onContent what the file says now; must not reject
   * @param options.onLook called at each look that finds nothing new; must not reject
   */
  constructor(options: {
    path: string
    maxBytes: number
    clock: Clock
    onContent: (content: FileContent) => Promise<void>
    onLook: () => Promise<void>
  }) {
    this.#path = options.path
    this.#maxBytes = options.maxBytes
    this.#onContent = options.onContent
    this.#onLook = options.onLook
    this.#loop = new PollLoop({ clock: options.clock, look: () => this.#look() })
  }

  /** @throws Error with a message for the operator when the file is not there or may not be read */
  async start(): Promise<void> {
    const path = this.#path
    try {
      this.#seen = await fingerprintOf(path)
      const content = await readLimited(path, this.#maxBytes)
      await this.#onContent(content)
    } catch (error) {
      const text = `the registry file ${path} ${unreadable(error)}; see REGISTRY_FILE`
      throw Object.assign(new Error(text, { cause: error }), { code: fileErrorCode(error) })
    }
    this.#loop.start(POLL_MS)
  }

  /** Reads the file at once if it has changed; the caller knows that it is complete. */
  async now(): Promise<void> {
    this.#isWhole = true
    await this.#loop.now()
  }

  close(): Promise<void> {
    return this.#loop.close()
  }

  /** Looks at the file once; resolves with the time until the next look. */
  async #look(): Promise<number> {
    const isWhole = this.#isWhole
    this.#isWhole = false
    const fingerprint = await fingerprintOf(this.#path).catch(unreadable)
    if (fingerprint === this.#seen) {
      await this.#onLook()
      return POLL_MS
    }
    if (fingerprint !== this.#unsettled && !isWhole) {
      this.#unsettled = fingerprint
      return SETTLE_MS
    }
    const content = await readLimited(this.#path, this.#maxBytes).catch((error: unknown) => ({
      problem: unreadable(error),
    }))
    if (this.#loop.isClosed) return POLL_MS
    // The fingerprint was taken before reading: a write in between shows as a change next time.
    this.#seen = fingerprint
    this.#unsettled = ''
    await this.#onContent(content)
    return POLL_MS
  }
}

function unreadable(error: unknown): string {
  const code = isJsonObject(error) && typeof error['code'] === 'string' ? error['code'] : messageOf(error)
  return `cannot be read (${code})`
}
