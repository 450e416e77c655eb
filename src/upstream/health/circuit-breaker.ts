import { EventEmitter } from 'node:events'
import Opossum from 'opossum'
import type { Clock } from '../../domain/clock.ts'
import type { ErrorCode } from '../../domain/errors/error-table.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import { isUnfitAnswer } from '../connection/upstream-error.ts'

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
/** What the outcome of a call shows about the server. */
export type Verdict = 'failure' | 'alive' | 'nothing'

/** Longest delay of a timer: opossum's own, which never gets there. */
const NEVER_MS = 2 ** 31 - 1
/** Calls after which opossum drops what it keeps of each call. */
const CALLS_KEPT = 1000
/** When a trial call may have said how the server is. */
const TRIAL_MS = 1000

/**
 * Opossum is the state of the circuit, and lets exactly one trial call through. When it changes is decided here: its
 * threshold is a rate over a window of real time, and counts calls that have not ended yet.
 */
const FIXED = {
  timeout: false,
  resetTimeout: NEVER_MS,
  volumeThreshold: Number.MAX_SAFE_INTEGER,
  rollingCountBuckets: 1,
  rollingPercentilesEnabled: false,
  enableSnapshots: false,
} as const
/** An option of opossum that its type declarations do not have: the state to begin with. */
const ON_TRIAL = { state: { closed: false, halfOpen: true } }

/** What an error that the server was asked for says of the server; any other says nothing. */
const VERDICTS: Partial<Record<ErrorCode, Verdict>> = {
  upstream_unavailable: 'failure',
  upstream_timeout: 'failure',
  upstream_bad_response: 'failure',
  upstream_error: 'alive',
  response_too_large: 'alive',
}

/**
 * A circuit breaker: opens for `recoveryTimeoutMs` after `failureThreshold` consecutive failures, then lets one trial
 * call through. Outcomes that show nothing about the server (cancelled, never sent) do not count, and another call
 * replaces such a trial.
 */
export class CircuitBreaker {
  readonly #server: string
  readonly #clock: Clock
  readonly #onTransition: BreakerOptions['onTransition']
  readonly #rotation = new EventEmitter()
  #settings: BreakerOptions['settings']
  /**
   * Created with the first call, and again for every trial, so that a call that ends late does not count as the trial's
   * outcome.
   */
  #circuit: Circuit | undefined
  #state: BreakerState = 'closed'
  #failures = 0
  #calls = 0
  #openedAt = 0
  #saysNothing = false
  #cancelTimer: (() => void) | undefined
  #isClosed = false

  constructor({ server, settings, clock, onTransition }: BreakerOptions) {
    this.#server = server
    this.#settings = settings
    this.#clock = clock
    this.#onTransition = onTransition
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
    if (!this.#settings.enabled || this.#isClosed) return use()
    const circuit = (this.#circuit ??= this.#make())
    if (!circuit.closed && !circuit.pendingClose) return Promise.reject(this.#refusal())
    if (circuit.halfOpen) this.#boundTrial(circuit)
    this.#calls += 1
    if (this.#calls % CALLS_KEPT === 0) this.#rotation.emit('rotate')
    return circuit.fire(use, wasTried)
  }

  /** Applies other settings, also to a circuit that is open. */
  update(settings: BreakerOptions['settings']): void {
    const before = this.#settings
    this.#settings = settings
    if (this.#isClosed) return
    if (!settings.enabled) this.#forget('the circuit breaker was disabled')
    else if (this.#state === 'open' && settings.recoveryTimeoutMs !== before.recoveryTimeoutMs)
      this.#scheduleTrial()
  }

  /** Ends its timers and lets further calls through. Idempotent. */
  close(): void {
    this.#isClosed = true
    this.#cancelTimer?.()
    this.#circuit?.shutdown()
    this.#circuit = undefined
  }

  #make(initial?: typeof ON_TRIAL): Circuit {
    this.#rotation.removeAllListeners()
    const circuit: Circuit = new Opossum((use: Use, _wasTried: WasTried) => use(), {
      ...FIXED,
      ...initial,
      name: this.#server,
      rotateBucketController: this.#rotation,
      errorFilter: (error: unknown, _use?: Use, wasTried?: WasTried) =>
        this.#isNoFailure(circuit, error, wasTried?.() === true),
    })
    circuit.on('success', () => this.#onSuccess())
    circuit.on('failure', (error) => this.#onFailure(circuit, error))
    circuit.on('close', () => this.#onClose(circuit))
    return circuit
  }

  /** Opossum takes an error that is no failure for a success. */
  #isNoFailure(circuit: Circuit, error: unknown, wasTried: boolean): boolean {
    const verdict = verdictOf(error, wasTried)
    if (verdict !== 'nothing' || circuit.isShutdown) return verdict !== 'failure'
    if (circuit.halfOpen) {
      if (circuit === this.#circuit) this.#renewTrial()
      // Before it takes this for a success, which closes it.
      circuit.shutdown()
    } else {
      this.#saysNothing = true
    }
    return true
  }

  #onSuccess(): void {
    if (!this.#saysNothing) this.#failures = 0
    this.#saysNothing = false
  }

  #onFailure(circuit: Circuit, error: unknown): void {
    if (circuit !== this.#circuit) return circuit.shutdown()
    if (circuit.opened) return
    const isTrial = circuit.halfOpen
    this.#failures += 1
    if (!isTrial && this.#failures < this.#settings.failureThreshold) return
    circuit.open()
    this.#openedAt = this.#clock.monotonic()
    const what = isTrial ? 'the trial call failed' : `${this.#failures} calls in a row failed`
    this.#enter('open', `${what}: ${error instanceof GatewayError ? error.code : 'unknown'}`)
    this.#scheduleTrial()
  }

  /** A trial succeeded, be it one that took longer than the next was waited for. */
  #onClose(circuit: Circuit): void {
    if (this.#state !== 'half_open') return
    if (circuit !== this.#circuit) this.#circuit?.shutdown()
    this.#circuit = circuit
    this.#cancelTimer?.()
    this.#failures = 0
    this.#enter('closed', 'the trial call succeeded')
  }

  #scheduleTrial(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = this.#clock.after(this.#recoveryMs(), () => {
      this.#renewTrial()
      this.#enter('half_open', `its recovery timeout (${this.#settings.recoveryTimeoutMs} ms) has elapsed`)
    })
  }

  /** Lets the next call be a trial. */
  #renewTrial(): void {
    this.#cancelTimer?.()
    if (this.#circuit?.halfOpen !== true) this.#circuit?.shutdown()
    this.#circuit = this.#make(ON_TRIAL)
  }

  /** A call may take very long; others try as well then, and the first that succeeds counts. */
  #boundTrial(circuit: Circuit): void {
    this.#cancelTimer?.()
    this.#cancelTimer = this.#clock.after(this.#settings.recoveryTimeoutMs, () => {
      if (circuit === this.#circuit && circuit.halfOpen) this.#renewTrial()
    })
  }

  #forget(reason: string): void {
    this.#cancelTimer?.()
    this.#circuit?.shutdown()
    this.#circuit = undefined
    this.#failures = 0
    this.#enter('closed', reason)
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

/**
 * What the failure of a call shows about the server.
 * @param wasTried whether the call reached the server
 */
export function verdictOf(error: unknown, wasTried: boolean): Verdict {
  if (!(error instanceof GatewayError) || !wasTried) return 'nothing'
  return isAboutRequest(error) ? 'alive' : (VERDICTS[error.code] ?? 'nothing')
}

/** Failures that a caller can cause by its own request must not open the circuit for others. */
function isAboutRequest(error: GatewayError): boolean {
  return (
    error.code === 'upstream_bad_response' && (error.facts.mayHaveExecuted === false || isUnfitAnswer(error))
  )
}
