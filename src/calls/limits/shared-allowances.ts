import type { Clock } from '../../domain/clock.ts'
import { messageOf } from '../../domain/errors/errors.ts'
import { changeEntry, type EntryChange } from '../../state/change-entry.ts'
import { stateKey } from '../../state/state-key.ts'
import type { StateEntry, StateStore } from '../../state/state-store.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Allowance, Allowances } from './allowances.ts'

const COLLECTION = 'quotas'
/** The taken calls are written after this time at the latest… */
const REPORT_MS = 1000
/** …and as soon as they are this share of the calls left, so that replicas together do not exceed the allowance by much. */
const REPORT_SHARE = 0.05
/** Others may write at the same time. */
const ATTEMPTS = 6
const PAUSE_MS = 60
const RETRY_MS = 5000

interface Use {
  allowance: Allowance
  /** Calls that are not written yet. */
  calls: number
  isWriting: boolean
  cancel: (() => void) | undefined
}

/**
 * Lets replicas count the calls of an allowance together. Each replica decides locally, without waiting, writes what it took
 * to the shared state a moment later, and reads the total. So replicas together can exceed the allowance by the calls of
 * that moment, which the bucket then owes. While the state is unavailable, each replica counts separately.
 */
export class SharedAllowances {
  readonly #allowances: Allowances
  readonly #store: StateStore
  readonly #clock: Clock
  readonly #random: () => number
  readonly #logger: Logger
  readonly #uses = new Map<string, Use>()
  #hasWarned = false

  constructor(options: {
    allowances: Allowances
    store: StateStore
    clock: Clock
    random: () => number
    logger: Logger
  }) {
    this.#allowances = options.allowances
    this.#store = options.store
    this.#clock = options.clock
    this.#random = options.random
    this.#logger = options.logger
  }

  /** A call was taken from an allowance here. */
  taken(allowance: Allowance): void {
    const use = this.#uses.get(allowance.key) ?? {
      allowance,
      calls: 0,
      isWriting: false,
      cancel: undefined,
    }
    this.#uses.set(allowance.key, use)
    use.allowance = allowance
    use.calls += 1
    if (use.isWriting) return
    if (use.calls >= this.#allowances.left(allowance) * REPORT_SHARE) void this.#write(use)
    else this.#writeLater(use, REPORT_MS)
  }

  #writeLater(use: Use, delayMs: number): void {
    use.cancel ??= this.#clock.after(delayMs, () => void this.#write(use))
  }

  async #write(use: Use): Promise<void> {
    use.cancel?.()
    use.cancel = undefined
    use.isWriting = true
    const { allowance, calls } = use
    use.calls = 0
    try {
      const owedMs = await this.#add(allowance, calls)
      this.#allowances.adopt(allowance, owedMs + use.calls * intervalOf(allowance))
      this.#hasWarned = false
      if (use.calls === 0) this.#uses.delete(allowance.key)
      else this.#writeLater(use, REPORT_MS)
    } catch (error) {
      use.calls += calls
      this.#warn(error)
      this.#writeLater(use, RETRY_MS)
    } finally {
      use.isWriting = false
    }
  }

  /** Resolves with the milliseconds until the bucket is full again, at all replicas. */
  #add(allowance: Allowance, calls: number): Promise<number> {
    const clock = this.#clock
    const options = { attempts: ATTEMPTS, pause: { ms: PAUSE_MS, clock, random: this.#random } }
    const entry = { collection: COLLECTION, key: stateKey(allowance.key) }
    const added = (before: StateEntry | undefined): EntryChange<number> => {
      const now = clock.now()
      const from = Math.max(now, Number(before?.value ?? now))
      const fullAt = Math.min(from + calls * intervalOf(allowance), now + 2 * allowance.perMs)
      return { result: fullAt - now, write: { value: String(fullAt), expiresAt: Math.ceil(fullAt) } }
    }
    return changeEntry(this.#store, entry, added, options)
  }

  #warn(error: unknown): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    this.#logger.warn(
      { err: error },
      `shared quotas cannot be written: ${messageOf(error)}; each replica counts for itself`,
    )
  }
}

function intervalOf({ calls, perMs }: Allowance): number {
  return perMs / calls
}
