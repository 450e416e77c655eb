import type { Logger } from '../../telemetry/logger.ts'
import { startThread } from '../../threads/start-thread.ts'
import { TaskThread } from '../../threads/task-thread.ts'
import { argumentsDigest } from './arguments-digest.ts'

/** Length up to which a digest costs no more than the way of its text to a thread and back, some 50 µs. */
const AT_ONCE_LENGTH = 2048

/** Computes the digests of arguments: of short ones at once, of others in a thread, which starts with the first. */
export class Digester {
  readonly #digest: ReturnType<typeof argumentsDigest>
  readonly #logger: Logger
  readonly #thread: TaskThread<string, string>

  constructor({ key, logger }: { key: Uint8Array; logger: Logger }) {
    this.#digest = argumentsDigest(key)
    this.#logger = logger
    const start = (): ReturnType<typeof startThread> => startThread(import.meta, './digest-worker', { key })
    this.#thread = new TaskThread({ name: 'digest thread', start })
  }

  /**
   * A function that computes the digest of a short text; for a long one a promise of the digest, which never rejects: if the
   * thread fails, the digest is computed on the main thread.
   * @param isCanonical whether the text is known to be that of `canonicalJson`
   */
  begin(argumentsText: string, isCanonical = false): (() => string) | Promise<string> {
    if (argumentsText.length <= AT_ONCE_LENGTH) return () => this.#digest(argumentsText, isCanonical)
    return this.#thread.run(argumentsText).catch((error: unknown) => {
      this.#logger.error({ err: error }, 'a digest of arguments was computed on the main thread')
      return this.#digest(argumentsText)
    })
  }

  /** The digest of a short text, or a promise of that of a long one, as `begin` makes it. */
  digestOf(argumentsText: string): string | Promise<string> {
    const begun = this.begin(argumentsText)
    return typeof begun === 'function' ? begun() : begun
  }

  /** Ends the thread. Idempotent. */
  close(): Promise<void> {
    return this.#thread.close()
  }
}
