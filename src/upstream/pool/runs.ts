import type { Clock } from '../../domain/clock.ts'
import type { Grant, Wanted } from './admission/call-queue.ts'
import { type Verdict, verdictOf } from '../health/circuit-breaker.ts'
import type { Connection } from '../connection/connection.ts'
import { isNeverSent, isSessionLost } from '../connection/upstream-error.ts'
import { isAnswer } from '../health/health-probe.ts'
import type { Member } from './members/member.ts'
import type { Places } from './admission/admission.ts'

/** Uses a connection at which the call has taken a place. */
export type Use<T> = (connection: Connection, instanceId: string) => Promise<T>

/** Runs calls at instances that have a place for them. */
export class Runs {
  readonly #clock: Clock
  readonly #places: Places
  readonly #rotation: () => readonly Member[]
  readonly #wait: (wanted: Wanted) => Promise<Grant>
  readonly #onLoad: () => void
  #lastUse: number

  constructor(options: {
    clock: Clock
    places: Places
    rotation: () => readonly Member[]
    /** Called if no place is free. */
    wait: (wanted: Wanted) => Promise<Grant>
    /** One more call is in flight or waiting. */
    onLoad: () => void
  }) {
    this.#clock = options.clock
    this.#places = options.places
    this.#rotation = options.rotation
    this.#wait = options.wait
    this.#onLoad = options.onLoad
    this.#lastUse = this.#clock.monotonic()
  }

  /** In monotonic milliseconds. */
  get lastUse(): number {
    return this.#lastUse
  }

  used(): void {
    this.#lastUse = this.#clock.monotonic()
  }

  /** Runs `use`, and once more with another connection if the first one has certainly executed nothing. */
  async run<T>(use: Use<T>, wanted: Wanted): Promise<T> {
    const first = this.#places.claim(wanted) ?? (await this.#wait(wanted))
    try {
      return await this.#runAt(first, use, wanted)
    } catch (error) {
      if (!this.#runsAgain(error, first)) throw error
    }
    const again = { ...wanted, except: first.connection }
    const second = this.#places.claim(again) ?? (await this.#wait(again))
    try {
      return await this.#runAt(second, use, again)
    } catch (error) {
      if (isSessionLost(error)) second.member.instance.reopen(second.connection)
      throw error
    }
  }

  async #runAt<T>(grant: Grant, use: Use<T>, wanted: Wanted): Promise<T> {
    const clock = this.#clock
    const { member, connection } = grant
    this.#onLoad()
    const startedAt = clock.monotonic()
    let isAnswered = false
    let verdict: Verdict = 'alive'
    try {
      const result = await use(connection, member.instance.id)
      isAnswered = true
      return result
    } catch (error) {
      isAnswered = isAnswer(error)
      verdict = verdictOf(error, !isSessionLost(error))
      throw error
    } finally {
      const now = clock.monotonic()
      this.#lastUse = now
      if (isAnswered) member.answered(now, now - startedAt)
      this.#places.leave(grant, wanted)
      if (wanted.isForLead !== true && connection === member.connection) member.ejection.note(verdict)
    }
  }

  /** Whether nothing was executed, and another connection is available or expected. */
  #runsAgain(error: unknown, { member, connection }: Grant): boolean {
    const hasOther = (): boolean => this.#rotation().some((other) => other.connection !== connection)
    if (isSessionLost(error)) return member.instance.reopen(connection) || hasOther()
    return isNeverSent(error) && hasOther()
  }
}
