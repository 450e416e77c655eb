import { EventEmitter } from 'node:events'
import Opossum from 'opossum'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import { verdictOf } from './verdict.ts'

/** Whether a call that has failed got as far as the server. */
export type WasTried = () => boolean

type Settings = ServerDefinition['circuitBreaker']
/** It gets the outcome of each call: undefined, or the failure. */
type Circuit = Opossum<[failure: unknown]>

/** The parts of the window in which opossum counts calls. */
const BUCKETS = 10

/**
 * A circuit that is closed: counts how calls end, and reports once when it has to open, which is after
 * `failureThreshold` failures in a row, or when of at least `minimumCalls` within `windowMs` more than
 * `errorPercentage` failed. Calls that have not ended do not count, and neither do those whose end shows nothing about
 * the server.
 */
export class ClosedCircuit {
  readonly #clock: Clock
  readonly #onOpen: (reason: string) => void
  /** Moves opossum's window, by the event `rotate`. */
  readonly #window = new EventEmitter()
  #settings: Settings
  #circuit: Circuit
  #failuresInRow = 0
  /** When the newest part of the window began. */
  #bucketAt: number

  /** @param options.onOpen must close it */
  constructor(options: { settings: Settings; clock: Clock; onOpen: (reason: string) => void }) {
    this.#clock = options.clock
    this.#onOpen = options.onOpen
    this.#settings = options.settings
    this.#bucketAt = options.clock.monotonic()
    this.#circuit = this.#create()
  }

  /** Runs `use`, and counts how it ends. */
  async run<T>(use: () => Promise<T>, wasTried: WasTried): Promise<T> {
    let result: T
    try {
      result = await use()
    } catch (error) {
      const verdict = verdictOf(error, wasTried())
      if (verdict === 'failure') await this.#failed(error)
      else if (verdict === 'alive') this.succeeded()
      throw error
    }
    this.succeeded()
    return result
  }

  /** Applies other settings to what was counted. */
  update(settings: Settings): void {
    const { minimumCalls, errorPercentage } = this.#settings
    this.#settings = settings
    if (settings.minimumCalls === minimumCalls && settings.errorPercentage === errorPercentage) return
    this.#circuit.removeAllListeners()
    this.#circuit = this.#create(this.#circuit.status)
  }

  /** Ends the count, also of calls in flight, and opossum's recovery timer, if it has opened. Idempotent. */
  close(): void {
    this.#circuit.shutdown()
  }

  /** @param status the window to continue */
  #create(status?: Opossum.Status): Circuit {
    const { minimumCalls, errorPercentage, windowMs } = this.#settings
    const circuit: Circuit = new Opossum(outcomeOf, {
      timeout: false,
      volumeThreshold: minimumCalls,
      errorThresholdPercentage: errorPercentage,
      rollingCountTimeout: windowMs,
      rollingCountBuckets: BUCKETS,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rotateBucketController: this.#window,
      ...(status !== undefined && { status }),
    })
    let code = ''
    circuit.on('failure', (error) => {
      code = error instanceof GatewayError ? error.code : 'unknown'
      if (this.#failuresInRow >= this.#settings.failureThreshold) circuit.open()
    })
    circuit.on('open', () => this.#onOpen(`${this.#countFailures(circuit)} failed: ${code}`))
    return circuit
  }

  /** Counts a call that has succeeded. */
  succeeded(): void {
    this.#moveWindow()
    this.#failuresInRow = 0
    // What opossum itself emits, which costs a tenth of running a function through it.
    this.#circuit.emit('fire', [])
    this.#circuit.emit('success', undefined, 0)
  }

  /** Resolves when the circuit has been opened, if it has to be. */
  #failed(failure: unknown): Promise<void> {
    this.#failuresInRow += 1
    return this.#count(failure)
  }

  async #count(failure: unknown): Promise<void> {
    this.#moveWindow()
    try {
      await this.#circuit.fire(failure)
    } catch {
      // The failure itself, or the circuit has been opened or closed meanwhile.
    }
  }

  #countFailures({ stats: { failures, fires } }: Circuit): string {
    const { failureThreshold, windowMs } = this.#settings
    if (this.#failuresInRow >= failureThreshold) return `${this.#failuresInRow} calls in a row`
    return `${failures} of ${fires} calls within ${windowMs} ms`
  }

  /** The window moves when something is counted, so that it needs no timer. */
  #moveWindow(): void {
    const bucketMs = this.#settings.windowMs / BUCKETS
    const passed = Math.floor((this.#clock.monotonic() - this.#bucketAt) / bucketMs)
    if (passed < 1) return
    this.#bucketAt += passed * bucketMs
    for (let bucket = 0; bucket < Math.min(passed, BUCKETS); bucket += 1) this.#window.emit('rotate')
  }
}

/** The outcome of a call as opossum takes it. */
function outcomeOf(failure: unknown): Promise<void> {
  return failure === undefined ? Promise.resolve() : Promise.reject(failure)
}
