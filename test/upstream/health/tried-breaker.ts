import type { ErrorCode } from '../../../src/domain/errors/error-table.ts'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { CircuitBreaker } from '../../../src/upstream/health/circuit-breaker.ts'
import { FakeClock } from '../../support/fake-clock.ts'

export const SETTINGS = {
  enabled: true,
  failureThreshold: 3,
  errorPercentage: 50,
  minimumCalls: 20,
  windowMs: 60_000,
  recoveryTimeoutMs: 10_000,
}

/** A breaker of the server `alpha`, and what becomes of it. */
export class Tried {
  readonly clock = new FakeClock()
  readonly transitions: string[] = []
  readonly breaker: CircuitBreaker
  /** Calls that got through. */
  tried = 0

  constructor(settings: Partial<typeof SETTINGS> = {}) {
    this.breaker = new CircuitBreaker({
      server: 'alpha',
      settings: { ...SETTINGS, ...settings },
      clock: this.clock,
      onTransition: (state, reason) => this.transitions.push(`${state}: ${reason}`),
    })
  }

  /** A call that ends when told. */
  begin(wasSent = true): PromiseWithResolvers<JsonObject> & { readonly outcome: Promise<unknown> } {
    const answer = Promise.withResolvers<JsonObject>()
    // Nobody awaits the answer of a call that the breaker refuses.
    answer.promise.catch(() => undefined)
    const run = this.breaker.run(
      () => {
        this.tried += 1
        return answer.promise
      },
      () => wasSent,
    )
    return { ...answer, outcome: run.catch((error: unknown) => error) }
  }

  succeed(): Promise<unknown> {
    const { resolve, outcome } = this.begin()
    resolve({})
    return outcome
  }

  fail(code: ErrorCode = 'upstream_timeout', wasSent = true): Promise<unknown> {
    const { reject, outcome } = this.begin(wasSent)
    reject(new GatewayError(code))
    return outcome
  }

  async failTimes(count: number): Promise<void> {
    for (let index = 0; index < count; index += 1) await this.fail()
  }

  /** Calls one after the other: `f` fails, `s` succeeds. */
  async mix(outcomes: string): Promise<void> {
    for (const outcome of outcomes) await (outcome === 'f' ? this.fail() : this.succeed())
  }

  /** Open, and as long ago that a trial is due. */
  async untilTrial(): Promise<void> {
    await this.failTimes(3)
    await this.clock.advance(10_000)
  }
}
