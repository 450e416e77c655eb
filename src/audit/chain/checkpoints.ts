import type { Clock } from '../../domain/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { OpenChain } from './chain-entries.ts'
import { type Checkpoint, signedCheckpoint } from './checkpoint.ts'
import type { NoteSigner } from './note.ts'

/** Records are signed within this time. */
const SOON_MS = 10_000
/** So often at least, so that the end of a chain cannot be cut off with its checkpoints. */
const IDLE_MS = 10 * 60_000

/** Where a chain stands, and where its checkpoints are kept. */
export interface ChainStore {
  /** The chain of what this process stores. */
  head(): Promise<OpenChain>
  /** Keeps a checkpoint, in place of an earlier one of the same number. */
  addCheckpoint(checkpoint: Checkpoint): Promise<void>
}

/** What `Checkpoints` need. */
export interface CheckpointsOptions {
  readonly chain: ChainStore
  /** The current key, then the one before. */
  readonly signers: readonly [NoteSigner, ...NoteSigner[]]
  readonly retentionDays: number | undefined
  readonly clock: Clock
  readonly logger: Logger
  /** Called with each checkpoint that is kept. */
  readonly onSigned?: (checkpoint: Checkpoint) => void
}

/** Signs where a chain stands: soon after it has grown, now and then when it has not, and at the end. */
export class Checkpoints {
  readonly #options: CheckpointsOptions
  #cancel: (() => void) | undefined
  #isSoon = false
  #signing: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: CheckpointsOptions) {
    this.#options = options
  }

  /** Signs at once; what an earlier process left unsigned is covered, too. */
  start(): Promise<void> {
    return this.#sign(false)
  }

  /** The chain has grown. */
  soon(): void {
    if (this.#isSoon || this.#isClosed) return
    this.#isSoon = true
    this.#later(SOON_MS)
  }

  /** Signs that the writer has ended. Idempotent; never rejects. */
  async close(): Promise<void> {
    if (this.#isClosed) return await this.#signing
    this.#isClosed = true
    this.#cancel?.()
    await this.#sign(true)
  }

  #later(ms: number): void {
    this.#cancel?.()
    this.#cancel = this.#options.clock.after(ms, () => void this.#sign(false))
  }

  #sign(isLast: boolean): Promise<void> {
    this.#isSoon = false
    this.#signing = this.#signing.then(() => this.#signNow(isLast))
    return this.#signing
  }

  async #signNow(isLast: boolean): Promise<void> {
    const { chain, signers, retentionDays, clock, logger, onSigned } = this.#options
    try {
      const head = await chain.head()
      const checkpoint = signedCheckpoint({ ...head, atMs: clock.now(), retentionDays, isLast }, signers)
      await chain.addCheckpoint(checkpoint)
      onSigned?.(checkpoint)
    } catch (error) {
      logger.error({ err: error }, 'a checkpoint of the usage records could not be signed; trying again')
      this.#isSoon = true
    }
    if (!this.#isClosed) this.#later(this.#isSoon ? SOON_MS : IDLE_MS)
  }
}
