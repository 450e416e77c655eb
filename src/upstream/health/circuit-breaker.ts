import { EventEmitter } from 'node:events'
import Opossum from 'opossum'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
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

type Use = () => Promise<JsonObject>
type WasTried = () => boolean
type Circuit = Opossum<[Use, WasTried], JsonObject>

/** The parts of the window in which opossum counts calls. */
const BUCKETS = 10
/** Time after which a trial call may have ended. */
const TRIAL_MS = 1000

/**
 * A circuit breaker: opens for `recoveryTimeoutMs` when, of at least `failureThreshold` calls within `windowMs`, more
 * than `errorPercentage` failed; then lets one trial call through, which closes it or opens it again. A trial whose
 * outcome shows nothing about the server (cancelled, never sent) is replaced by the next call.
 *
 * Opossum counts the calls and decides when to open. Recovery is decided here, by the injected clock: opossum's timer
 * is the system's, and it takes the end of any trial for a success or a failure.
 */
export class CircuitBreaker {
  readonly #server: string
  readonly #clock: Clock
  readonly #onTransition: BreakerOptions['onTransition']
  /** Moves opossum's window, by the event `rotate`. */
  readonly #window = new EventEmitter()
  #settings: BreakerOptions['settings']
  /** Counts the calls while it is closed; created with the first of them. */
  #circuit: Circuit | undefined
  #state: BreakerState = 'closed'
  /** When the newest bucket of the window began. */
  #bucketAt: number
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
    this.#bucketAt = clock.monotonic()
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
  run(use: Use, wasTried: WasTried): Promise<JsonObject> {
    if (!this.#settings.enabled || this.#isShutDown) return use()
    if (this.#state === 'closed') {
      this.#moveWindow()
      return (this.#circuit ??= this.#newCircuit()).fire(use, wasTried)
    }
    if (this.#state === 'half_open' && this.#trial === undefined) return this.#try(use, wasTried)
    return Promise.reject(this.#refusal())
  }

  /** Applies other settings, also to a circuit that is open. What was counted still counts. */
  update(settings: BreakerOptions['settings']): void {
    const before = this.#settings
    this.#settings = settings
    if (this.#isShutDown) return
    if (!settings.enabled) this.#recover('the circuit breaker was disabled')
    else if (this.#state === 'open' && settings.recoveryTimeoutMs !== before.recoveryTimeoutMs)
      this.#scheduleTrial()
    else if (this.#circuit !== undefined && !isSameWindow(before, settings))
      this.#circuit = this.#newCircuit(this.#circuit)
  }

  /** Ends its timers and lets further calls through. Idempotent. */
  close(): void {
    this.#isShutDown = true
    this.#cancelTimer?.()
    this.#forgetCalls()
  }

  /** @param previous the circuit whose window it continues; calls of that circuit that have not ended do not count */
  #newCircuit(previous?: Circuit): Circuit {
    previous?.removeAllListeners()
    const { failureThreshold, errorPercentage, windowMs } = this.#settings
    const circuit: Circuit = new Opossum((use: Use, _wasTried: WasTried) => use(), {
      name: this.#server,
      timeout: false,
      volumeThreshold: failureThreshold,
      errorThresholdPercentage: errorPercentage,
      errorFilter: (error: unknown, _use?: Use, wasTried?: WasTried) => {
        this.#moveWindow()
        return verdictOf(error, wasTried?.() === true) !== 'failure'
      },
      rollingCountTimeout: windowMs,
      rollingCountBuckets: BUCKETS,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rotateBucketController: this.#window,
      ...(previous !== undefined && { status: previous.status }),
    })
    let code = ''
    circuit.on('failure', (error) => (code = codeOf(error)))
    circuit.on('open', () =>
      this.#open(`${circuit.stats.failures} calls failed within ${windowMs} ms: ${code}`),
    )
    return circuit
  }

  /** The window moves when something is counted, so that it needs no timer. */
  #moveWindow(): void {
    const bucketMs = this.#settings.windowMs / BUCKETS
    const passed = Math.floor((this.#clock.monotonic() - this.#bucketAt) / bucketMs)
    if (passed < 1) return
    this.#bucketAt += passed * bucketMs
    for (let bucket = 0; bucket < Math.min(passed, BUCKETS); bucket += 1) this.#window.emit('rotate')
  }

  #open(reason: string): void {
    this.#forgetCalls()
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

  async #try(use: Use, wasTried: WasTried): Promise<JsonObject> {
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
    if (verdict === 'failure') this.#open(`the trial call failed: ${codeOf(error)}`)
  }

  #endTrial(): void {
    this.#cancelTimer?.()
    this.#trial = undefined
  }

  #recover(reason: string): void {
    this.#endTrial()
    this.#forgetCalls()
    this.#enter('closed', reason)
  }

  /** Calls that have not ended then do not count any more. */
  #forgetCalls(): void {
    this.#circuit?.shutdown()
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

function isSameWindow(a: BreakerOptions['settings'], b: BreakerOptions['settings']): boolean {
  return (
    a.failureThreshold === b.failureThreshold &&
    a.errorPercentage === b.errorPercentage &&
    a.windowMs === b.windowMs
  )
}

function codeOf(error: unknown): string {
  return error instanceof GatewayError ? error.code : 'unknown'
}
