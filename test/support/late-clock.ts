import { FakeClock } from './fake-clock.ts'

/** A clock whose timers a test ends, as late as it likes, as where the event loop was busy. */
export class LateClock extends FakeClock {
  /** All timers that were begun, in order. */
  readonly begun: { readonly delayMs: number; readonly end: (lateMs: number) => void }[] = []
  #passed = 0

  override monotonic(): number {
    return super.monotonic() + this.#passed
  }

  override after(delayMs: number, task: () => void): () => void {
    let isCancelled = false
    const end = (lateMs: number): void => {
      this.#passed += delayMs + lateMs
      if (!isCancelled) task()
    }
    this.begun.push({ delayMs, end })
    return () => (isCancelled = true)
  }
}
