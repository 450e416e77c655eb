import type { Clock } from '../domain/clock.ts'
import { GatewayError, messageOf, toGatewayError } from '../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { attempted } from './attempts.ts'
import { boundedValue } from './bounded-value.ts'
import { isTrue } from './expression.ts'
import type { Fuel } from './fuel.ts'
import { mapBounded } from '../domain/concurrency/map-bounded.ts'
import type { PipelinePlan, PlannedStep } from './plan.ts'
import { RunBudget } from './run-budget.ts'
import {
  defaultEntry,
  entryOf,
  failedEntry,
  listEntry,
  SKIPPED,
  type StepEntry,
  type StepStatus,
  textIn,
} from './step-entry.ts'
import { textOf } from './template.ts'
import { within } from './within.ts'

/** A call that a step makes. */
export interface StepCall {
  readonly step: string
  /** Undefined for the enhancer. */
  readonly tool: string | undefined
  readonly arguments: JsonObject
  readonly signal: AbortSignal
  readonly onProgress: (progress: JsonObject) => void
}

/** How a step does. */
export interface StepNews {
  readonly id: string
  readonly status: 'running' | StepStatus
  readonly error?: { readonly code: string; readonly message: string }
}

/** What one run of a pipeline gets: its input, its limits, and the way to call tools. */
export interface RunOptions {
  readonly input: JsonObject
  /** Resolves with a result of `tools/call`. @throws GatewayError */
  readonly call: (call: StepCall) => Promise<JsonObject>
  /** Resolves when an expression may be evaluated; at once by default. */
  readonly turn?: () => Promise<void>
  /** Shared with the runs that its calls begin; a separate budget by default. */
  readonly budget?: RunBudget
  readonly clock: Clock
  /** Milliseconds for all steps together. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly onStep: (news: StepNews) => void
  readonly onProgress: (progress: JsonObject) => void
}

const MAX_ITEMS = 1000
const MAX_RESULT_BYTES = 16 * 1024 * 1024
const MAX_MESSAGE = 1000

/**
 * Runs a pipeline, one step after the other, and resolves with a result of `tools/call`.
 * @throws GatewayError with the step that failed among its facts; `cancelled` when `signal` aborts
 */
export function runPlan(plan: PipelinePlan, options: RunOptions): Promise<JsonObject> {
  return new PipelineRun(plan, options).result()
}

class PipelineRun {
  readonly #plan: PipelinePlan
  readonly #options: RunOptions
  readonly #budget: RunBudget
  readonly #entries: Record<string, StepEntry> = {}
  #current = 0
  #resultBytes = 0
  #hasRun = false

  constructor(plan: PipelinePlan, options: RunOptions) {
    this.#plan = plan
    this.#options = options
    this.#budget = options.budget ?? new RunBudget()
  }

  async result(): Promise<JsonObject> {
    const { onProgress, onStep } = this.#options
    const { steps } = this.#plan
    try {
      const last = await within(this.#options, (signal) => this.#all(signal))
      const result = await this.#output(last)
      onProgress({ progress: steps.length, total: steps.length })
      return result
    } catch (thrown) {
      const id = steps[this.#current]?.id
      if (id === undefined) throw thrown
      const error = this.#named(id, toGatewayError(thrown))
      onStep({ id, status: 'failed', error: { code: error.code, message: error.message } })
      throw error
    }
  }

  async #all(signal: AbortSignal): Promise<StepEntry> {
    const { onProgress, onStep } = this.#options
    const { steps } = this.#plan
    let last = SKIPPED
    for (const [index, step] of steps.entries()) {
      if (signal.aborted) throw new GatewayError('cancelled')
      this.#current = index
      onStep({ id: step.id, status: 'running' })
      onProgress({ progress: index, total: steps.length, message: step.id })
      last = await this.#step(step, signal)
      this.#entries[step.id] = last
      const { status, error } = last
      onStep({ id: step.id, status, ...(error !== null && { error }) })
    }
    this.#current = steps.length
    return last
  }

  async #step(step: PlannedStep, signal: AbortSignal): Promise<StepEntry> {
    const { clock } = this.#options
    const { timeoutMs } = step.definition
    try {
      return await within({ timeoutMs, clock, signal }, (ofStep) => this.#entry(step, ofStep))
    } catch (error) {
      return await this.#recovered(step, error, { scope: this.#scope(), signal })
    }
  }

  async #entry(step: PlannedStep, signal: AbortSignal): Promise<StepEntry> {
    const scope = this.#scope()
    const { when, forEach } = step
    if (when !== undefined && !isTrue(await this.#evaluated((fuel) => when.evaluate(scope, fuel))))
      return SKIPPED
    if (forEach === undefined) return this.#called(step, scope, { signal, onProgress: this.#progress() })
    const list = listIn(await this.#evaluated((fuel) => forEach.evaluate(scope, fuel)))
    if (list === undefined) throw new GatewayError('pipeline_step_failed', 'forEach did not return a list')
    if (list.length > MAX_ITEMS)
      throw new GatewayError('pipeline_step_failed', `forEach returned more than ${MAX_ITEMS} items`)
    const tell = this.#progress()
    let done = 0
    const items = await mapBounded(
      list,
      { limit: step.definition.concurrency, signal },
      async (item, index, ofAll) => {
        const ofItem = { ...scope, item, index }
        const entry = await this.#called(step, ofItem, { signal: ofAll, onProgress: () => undefined }).catch(
          (error: unknown) => this.#recovered(step, error, { scope: ofItem, signal: ofAll }),
        )
        done += 1
        tell({ progress: done, total: list.length })
        return entry
      },
    )
    return listEntry(list, items)
  }

  async #called(
    step: PlannedStep,
    scope: JsonObject,
    { signal, onProgress }: Pick<StepCall, 'signal' | 'onProgress'>,
  ): Promise<StepEntry> {
    const { call, clock } = this.#options
    const given = await this.#evaluated((fuel) => boundedValue(step.arguments.render(scope, fuel)))
    const { retry } = step.definition
    const request = {
      step: step.id,
      tool: step.tool,
      arguments: isJsonObject(given) ? given : {},
      signal,
      onProgress,
    }
    const result = await attempted(
      async () => {
        if (signal.aborted) throw new GatewayError('cancelled')
        this.#budget.countCall()
        return this.#noted(call(request))
      },
      { retry, clock, signal },
    )
    this.#count(result)
    return entryOf(result)
  }

  /** Notes that something may have happened by now, and takes `isError` for the failure that it says it is. */
  async #noted(call: Promise<JsonObject>): Promise<JsonObject> {
    try {
      const result = refusingErrors(await call)
      this.#hasRun = true
      return result
    } catch (error) {
      if (toGatewayError(error).facts.mayHaveExecuted === true) this.#hasRun = true
      throw error
    }
  }

  /** What the document has for a step that failed, unless the run itself is over. @throws GatewayError */
  async #recovered(
    { definition, fallback }: PlannedStep,
    thrown: unknown,
    { scope, signal }: { scope: JsonObject; signal: AbortSignal },
  ): Promise<StepEntry> {
    const error = toGatewayError(thrown)
    if (signal.aborted || definition.onError === 'fail') throw error
    if (fallback === undefined) return failedEntry(error)
    const value = await this.#evaluated((fuel) => boundedValue(fallback.render(scope, fuel)))
    this.#count(value)
    return defaultEntry(value, error)
  }

  /** What stands for a result is kept like one. @throws GatewayError */
  #count(result: unknown): void {
    this.#resultBytes += Buffer.byteLength(JSON.stringify(result))
    if (this.#resultBytes > MAX_RESULT_BYTES)
      throw new GatewayError('pipeline_step_failed', 'The combined results of the steps are too large')
  }

  async #output(last: StepEntry): Promise<JsonObject> {
    const { output } = this.#plan
    if (output === undefined)
      return {
        content: last.content,
        ...(isJsonObject(last.structured) && { structuredContent: last.structured }),
      }
    const scope = this.#scope()
    const value = await this.#evaluated((fuel) => boundedValue(output.render(scope, fuel)), 'output')
    return {
      content: [{ type: 'text', text: textOf(value) }],
      ...(isJsonObject(value) && { structuredContent: value }),
    }
  }

  /** What an expression gives, in its turn; what is wrong with it is the pipeline's fault. @throws GatewayError */
  async #evaluated(evaluate: (fuel: Fuel) => unknown, where = 'expression'): Promise<unknown> {
    await this.#options.turn?.()
    try {
      return evaluate(this.#budget.fuel())
    } catch (error) {
      throw new GatewayError('pipeline_step_failed', `${where}: ${messageOf(error)}`.slice(0, MAX_MESSAGE))
    }
  }

  #scope(): JsonObject {
    return { input: this.#options.input, steps: { ...this.#entries } }
  }

  /** Progress of the step that runs, as part of the whole. */
  #progress(): (progress: JsonObject) => void {
    const { onProgress } = this.#options
    const index = this.#current
    const total = this.#plan.steps.length
    let reached = 0
    return ({ progress, total: of, message }) => {
      if (this.#current !== index || typeof progress !== 'number') return
      if (typeof of === 'number' && of > 0) reached = Math.max(reached, Math.min(0.99, progress / of))
      onProgress({ progress: index + reached, total, ...(typeof message === 'string' && { message }) })
    }
  }

  #named(step: string, error: GatewayError): GatewayError {
    const { upstream, ...facts } = error.facts
    const text = upstream?.message ?? error.message
    return new GatewayError(error.code, `Step ${step}: ${text}`.slice(0, MAX_MESSAGE), {
      cause: error.cause,
      facts: { ...facts, step, mayHaveExecuted: this.#hasRun || facts.mayHaveExecuted === true },
    })
  }
}

function listIn(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined
}

function refusingErrors(result: JsonObject): JsonObject {
  if (result['isError'] !== true) return result
  const text = textIn(result['content']).slice(0, MAX_MESSAGE)
  throw new GatewayError('pipeline_step_failed', text === '' ? 'The tool reported an error' : text, {
    facts: { mayHaveExecuted: true },
  })
}
