import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import { ClosedCircuit, type WasTried } from './closed-circuit.ts'
import { type Verdict, verdictOf } from './verdict.ts'

/** State of a circuit breaker; `half_open` lets trial calls through. */
export type BreakerState = 'closed' | 'half_open' | 'open'

/** When a circuit breaker opens and closes, and who hears of it. */
export interface BreakerOptions {
  /** Name of the server, for errors. */
  readonly server: string
  readonly settings: ServerDefinition['circuitBreaker']
  readonly clock: Clock
  readonly onTransition: (state: BreakerState, reason: string) => void
}

/** Time after which a trial call may have ended. */
const TRIAL_MS = 1000

/**
 * A circuit breaker: when too many calls fail it is open for `recoveryTimeoutMs`, then lets one trial call through,
 * which closes it or opens it again. A trial whose outcome shows nothing about the server (cancelled, never sent) is
 * replaced by the next call.
 *
 * Opossum decides when it opens (`ClosedCircuit`). The recovery is decided here, by the injected clock: opossum's timer
 * is the system's, and it takes any end of a trial for a success or a failure.
 */
export class CircuitBreaker {
  readonly #server: string
  readonly #clock: Clock
  readonly #onTransition: BreakerOptions['onTransition']
  #settings: BreakerOptions['settings']
  /** Exists from the first call on, while it is closed. */
  #circuit: ClosedCircuit | undefined
  #state: BreakerState = 'closed'
  #openedAt = 0
  /** The trial call that is awaited. */
  #trial: symbol | undefined
  #cancelTimer: (() => void) | undefined
  #isShutDown = false

  constructor({ server, settings, clock, onTransition }: BreakerOptions) {
    this.#server = server
    this.#settings = settings
    this.#clock = clock
    this.#onTransition = onTransition
  }

  /** Whether a call passes at once, and only its outcome counts; also where it is switched off. */
  get isClosed(): boolean {
    return !this.#settings.enabled || this.#state === 'closed'
  }

  /** Counts a call that was made while it was closed, without `run`, and has succeeded. */
  succeeded(): void {
    if (!this.#settings.enabled || this.#isShutDown || this.#state !== 'closed') return
    this.#circuit ??= this.#closedCircuit()
    this.#circuit.succeeded()
  }

  /** Undefined where it is switched off. */
  get state(): BreakerState | undefined {
    return this.#settings.enabled ? this.#state : undefined
  }

  /**
   * Runs `use` unless the circuit is open.
   * @param wasTried whether `use`, which has failed, got as far as the server
   * @throws GatewayError `circuit_open` without having called `use`, or what `use` throws
   */
  run<T>(use: () => Promise<T>, wasTried: WasTried): Promise<T> {
    if (!this.#settings.enabled || this.#isShutDown) return use()
    if (this.#state === 'closed') return (this.#circuit ??= this.#closedCircuit()).run(use, wasTried)
    if (this.#state === 'half_open' && this.#trial === undefined) return this.#try(use, wasTried)
    return Promise.reject(this.#refusal())
  }

  /** Applies other settings, also to a circuit that is open, and to what was counted. */
  update(settings: BreakerOptions['settings']): void {
    const before = this.#settings
    this.#settings = settings
    if (this.#isShutDown) return
    this.#circuit?.update(settings)
    if (!settings.enabled) this.#recover('the circuit breaker was disabled')
    else if (this.#state === 'open' && settings.recoveryTimeoutMs !== before.recoveryTimeoutMs)
      this.#scheduleTrial()
  }

  /** Ends its timers and lets further calls through. Idempotent. */
  close(): void {
    this.#isShutDown = true
    this.#cancelTimer?.()
    this.#endCount()
  }

  #closedCircuit(): ClosedCircuit {
    const [settings, clock] = [this.#settings, this.#clock]
    return new ClosedCircuit({ settings, clock, onOpen: (reason) => this.#open(reason) })
  }

  #open(reason: string): void {
    this.#endCount()
    this.#openedAt = this.#clock.monotonic()
    this.#scheduleTrial()
    this.#enter('open', reason)
  }

  #scheduleTrial(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = this.#clock.after(this.#recoveryMs(), () => {
      this.#enter('half_open', `its recovery timeout (${this.#settings.recoveryTimeoutMs} ms) has elapsed`)
    })
  }

  async #try<T>(use: () => Promise<T>, wasTried: WasTried): Promise<T> {
    const trial = Symbol('trial')
    this.#trial = trial
    // A call may take very long: another one is a trial as well then, and the first that succeeds counts.
    this.#cancelTimer = this.#clock.after(this.#settings.recoveryTimeoutMs, () => (this.#trial = undefined))
    try {
      const result = await use()
      this.#tried(trial, 'alive', undefined)
      return result
    } catch (error) {
      this.#tried(trial, verdictOf(error, wasTried()), error)
      throw error
    }
  }

  #tried(trial: symbol, verdict: Verdict, error: unknown): void {
    if (this.#state !== 'half_open' || this.#isShutDown) return
    if (verdict === 'alive') this.#recover('the trial call succeeded')
    if (trial !== this.#trial) return
    this.#endTrial()
    const code = error instanceof GatewayError ? error.code : 'unknown'
    if (verdict === 'failure') this.#open(`the trial call failed: ${code}`)
  }

  #recover(reason: string): void {
    this.#endTrial()
    this.#endCount()
    this.#enter('closed', reason)
  }

  #endTrial(): void {
    this.#cancelTimer?.()
    this.#trial = undefined
  }

  #endCount(): void {
    this.#circuit?.close()
    this.#circuit = undefined
  }

  #enter(state: BreakerState, reason: string): void {
    if (this.#state === state) return
    this.#state = state
    this.#onTransition(state, reason)
  }

  #recoveryMs(): number {
    return Math.max(0, this.#openedAt + this.#settings.recoveryTimeoutMs - this.#clock.monotonic())
  }

  #refusal(): GatewayError {
    const retryAfterMs = this.#state === 'open' ? Math.max(1, Math.ceil(this.#recoveryMs())) : TRIAL_MS
    return new GatewayError('circuit_open', `Circuit breaker is open for server ${this.#server}`, {
      facts: { server: this.#server, mayHaveExecuted: false, retryAfterMs },
    })
  }
}
