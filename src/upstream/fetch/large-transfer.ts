import { heavyValues } from '../messages/one-a-turn.ts'
import { LARGE_BYTES, type LargeReplies, LargeReply } from './large-replies.ts'

/** What a response read by `fetch` has of large messages: its reader waits where one of `DirectPost` is paused. */
export class LargeTransfer {
  readonly #replies: LargeReplies
  readonly #onHeld: () => void
  #reply: LargeReply | undefined
  #pause: PromiseWithResolvers<void> | undefined

  /** @param onHeld called when the reader has to wait */
  constructor(replies: LargeReplies, onHeld = (): void => undefined) {
    this.#replies = replies
    this.#onHeld = onHeld
  }

  /** Whether the present message is large. */
  get isLarge(): boolean {
    return this.#reply !== undefined
  }

  /**
   * So many bytes of the present message are in memory, less than before where the next one has begun.
   * @returns what the reader has to wait for, if it has to
   */
  receive(bytes: number): Promise<void> | undefined {
    if (bytes <= LARGE_BYTES) {
      this.pass()
      return undefined
    }
    this.#reply ??= new LargeReply({ pause: () => this.#hold(), resume: () => this.goOn() })
    this.#replies.receive(this.#reply, bytes)
    return this.#pause?.promise
  }

  /** Resolves when a large message may become a value: one after the other, so that what each leads to is over before. */
  turn(): Promise<void> {
    return new Promise((resolve) => heavyValues.run(resolve))
  }

  /** Ends a wait. Idempotent. */
  goOn(): void {
    this.#pause?.resolve()
    this.#pause = undefined
  }

  /** The message is complete. Idempotent. */
  pass(): void {
    const reply = this.#reply
    this.#reply = undefined
    if (reply !== undefined) this.#replies.pass(reply)
  }

  /** There will be no more of the message, and what there was is forgotten. Idempotent. */
  drop(): void {
    const reply = this.#reply
    this.#reply = undefined
    if (reply !== undefined) this.#replies.drop(reply)
    this.goOn()
  }

  #hold(): void {
    this.#onHeld()
    this.#pause ??= Promise.withResolvers()
  }
}
