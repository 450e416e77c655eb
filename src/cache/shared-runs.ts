import { GatewayError } from '../domain/errors/errors.ts'

/** How one of those who share a run takes part in it. */
export interface Participant<Event> {
  /** Ends the participant's wait. The run itself continues while another participant waits. */
  readonly signal: AbortSignal
  /** Gets the events of the run from the moment that the participant joins. */
  readonly onEvent?: ((event: Event) => void) | undefined
}

interface Run<Result, Event> {
  readonly result: Promise<Result>
  readonly abort: AbortController
  readonly participants: Set<Participant<Event>>
}

/**
 * Does what several want at the same time once for all of them. Who goes away takes nothing from the others; when all
 * have gone the run is aborted.
 */
export class SharedRuns<Result, Event = never> {
  readonly #runs = new Map<string, Run<Result, Event>>()

  /**
   * Joins the run of that key, or starts it.
   * @throws GatewayError `cancelled` when the participant goes away, or what the run throws
   */
  async join(
    key: string,
    participant: Participant<Event>,
    start: (signal: AbortSignal, tell: (event: Event) => void) => Promise<Result>,
  ): Promise<{ readonly result: Result; readonly isFirst: boolean }> {
    if (participant.signal.aborted) throw new GatewayError('cancelled')
    const running = this.#runs.get(key)
    const run = running ?? this.#start(key, start)
    run.participants.add(participant)
    const gone = Promise.withResolvers<never>()
    const leave = (): void => gone.reject(new GatewayError('cancelled'))
    participant.signal.addEventListener('abort', leave, { once: true })
    try {
      return { result: await Promise.race([run.result, gone.promise]), isFirst: running === undefined }
    } finally {
      participant.signal.removeEventListener('abort', leave)
      run.participants.delete(participant)
      if (run.participants.size === 0) this.#abandon(key, run)
    }
  }

  #start(
    key: string,
    start: (signal: AbortSignal, tell: (event: Event) => void) => Promise<Result>,
  ): Run<Result, Event> {
    const abort = new AbortController()
    const participants = new Set<Participant<Event>>()
    const tell = (event: Event): void => {
      for (const { onEvent } of participants) onEvent?.(event)
    }
    // In a later turn, so that the participant that starts it has joined before the first event.
    const result = Promise.resolve().then(() => start(abort.signal, tell))
    const run = { result, abort, participants }
    this.#runs.set(key, run)
    const forget = (): void => {
      if (this.#runs.get(key) === run) this.#runs.delete(key)
    }
    result.then(forget, forget)
    return run
  }

  /** Later participants start a new run. */
  #abandon(key: string, run: Run<Result, Event>): void {
    if (this.#runs.get(key) === run) this.#runs.delete(key)
    run.abort.abort()
  }
}
