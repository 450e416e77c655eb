import type { Clock } from '../../domain/clock.ts'
import { type GatewayError, toGatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { principalKey } from '../../domain/principal.ts'
import type { StepNews } from '../../pipelines/pipeline-run.ts'
import type { PipelinePlan } from '../../pipelines/plan.ts'
import type { Caller } from '../../calls/call.ts'

type StepState = {
  readonly id: string
  status: 'pending' | StepNews['status']
  startedAt?: string
  endedAt?: string
  error?: StepNews['error']
}

type End =
  | { readonly status: 'succeeded'; readonly result: JsonObject }
  | { readonly status: 'failed' | 'cancelled'; readonly error: GatewayError }

/** One run of a pipeline, as its owner may look at it. */
export class ActiveRun {
  readonly id: string
  readonly tenantId: string
  /** Key of the principal that it belongs to. */
  readonly owner: string
  /** Aborts when the owner ends the run. */
  readonly signal: AbortSignal
  readonly #abort = new AbortController()
  readonly #pipeline: string
  readonly #requestId: string
  readonly #clock: Clock
  readonly #onEnd: (run: ActiveRun) => void
  readonly #startedAt: string
  readonly #steps: StepState[]
  #endedAt: string | undefined
  #end: End | undefined

  constructor(options: {
    id: string
    plan: PipelinePlan
    caller: Caller
    clock: Clock
    onEnd: (run: ActiveRun) => void
  }) {
    const { plan, caller, clock } = options
    this.id = options.id
    this.tenantId = caller.principal.tenantId
    this.owner = principalKey(caller.principal)
    this.signal = this.#abort.signal
    this.#pipeline = plan.definition.name
    this.#requestId = caller.requestId
    this.#clock = clock
    this.#onEnd = options.onEnd
    this.#startedAt = this.#now()
    this.#steps = plan.steps.map(({ id }) => ({ id, status: 'pending' }))
  }

  /** Updates the state of a step while the run is in progress. */
  onStep({ id, status, error }: StepNews): void {
    const step = this.#steps.find((each) => each.id === id)
    if (step === undefined || this.#end !== undefined) return
    step.status = status
    if (status === 'running') step.startedAt = this.#now()
    else step.endedAt = this.#now()
    if (error !== undefined) step.error = error
  }

  cancel(): void {
    this.#abort.abort()
  }

  /** Runs it to its end, which it keeps. @throws GatewayError */
  async follow(work: () => Promise<JsonObject>): Promise<JsonObject> {
    try {
      const result = await work()
      this.#ended({ status: 'succeeded', result })
      return { ...result, _meta: { 'tool-gateway/run': this.#summary() } }
    } catch (thrown) {
      const error = toGatewayError(thrown)
      this.#ended({ status: error.code === 'cancelled' ? 'cancelled' : 'failed', error })
      throw error
    }
  }

  status(): JsonObject {
    const end = this.#end
    return {
      ...this.#summary(),
      requestId: this.#requestId,
      startedAt: this.#startedAt,
      ...(this.#endedAt !== undefined && { endedAt: this.#endedAt }),
      ...(end?.status === 'succeeded' && { result: end.result }),
      ...(end !== undefined && 'error' in end && { error: errorOf(end.error) }),
    }
  }

  #summary(): JsonObject {
    return {
      id: this.id,
      pipeline: this.#pipeline,
      status: this.#end?.status ?? 'running',
      steps: this.#steps.map((step) => ({ ...step })),
    }
  }

  #ended(end: End): void {
    this.#end = end
    this.#endedAt = this.#now()
    this.#onEnd(this)
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString()
  }
}

function errorOf({ code, message, facts }: GatewayError): JsonObject {
  return { code, message, ...facts }
}
