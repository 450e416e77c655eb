import type { BoundedCache } from '../../cache/bounded-cache.ts'
import { digestOf } from '../../cache/digest.ts'
import { SharedRuns } from '../../cache/shared-runs.ts'
import type { Clock } from '../../domain/clock.ts'
import type { EnhancementRule } from '../../domain/documents/enhancement-rule.ts'
import type { CircuitBreaker } from '../../upstream/health/circuit-breaker.ts'
import { type Reason, failureReason } from './model-failure.ts'
import type { OllamaClient } from './ollama-client.ts'
import { ruleFor } from './rule-choice.ts'

/** What became of a prompt: a better one, or the same one and why. */
export type Enhancement =
  | { readonly prompt: string; readonly enhanced: true; readonly model: string; readonly cached: boolean }
  | { readonly prompt: string; readonly enhanced: false; readonly reason: Reason }

/** How an enhancement is counted. */
export type EnhancementOutcome = 'enhanced' | 'cached' | Reason

/** A prompt to enhance, and for whom. */
export interface EnhanceRequest {
  readonly tenantId: string
  /** Name of the client that the prompt is of, where it said so. */
  readonly client: string | undefined
  readonly prompt: string
  readonly signal: AbortSignal
  /** Milliseconds after which the caller stops waiting; the answer is still cached. */
  readonly withinMs?: number | undefined
  /** Gets what the model says, piece by piece. */
  readonly onText?: ((piece: string) => void) | undefined
}

/** What an `Enhancer` needs: the model, its rules, and the cache of its answers. */
export interface EnhancerOptions {
  /** Undefined: nothing is enhanced. */
  readonly model: Pick<OllamaClient, 'answer'> | undefined
  readonly rules: () => Iterable<EnhancementRule>
  readonly breaker: CircuitBreaker
  readonly cache: BoundedCache
  readonly cacheTtlMs: number
  readonly onOutcome: (outcome: EnhancementOutcome) => void
  readonly clock: Clock
}

/** Limit of concurrent requests to the model; further prompts are not enhanced. */
const MAX_CONCURRENT = 16

/** Improves prompts by the rules of the registry. On any failure, the caller's own prompt is used. */
export class Enhancer {
  readonly #options: EnhancerOptions
  readonly #runs = new SharedRuns<string, string>()
  #running = 0

  constructor(options: EnhancerOptions) {
    this.#options = options
  }

  get isOn(): boolean {
    return this.#options.model !== undefined
  }

  /** Never fails for the model's sake. @throws GatewayError `cancelled` when `signal` aborts */
  async enhance(request: EnhanceRequest): Promise<Enhancement> {
    const { withinMs } = request
    const result = await (withinMs === undefined
      ? this.#enhanced(request)
      : this.#enhancedWithin(withinMs, request))
    this.#options.onOutcome(outcomeOf(result))
    return result
  }

  async #enhancedWithin(withinMs: number, request: EnhanceRequest): Promise<Enhancement> {
    const { signal, prompt } = request
    const own = new AbortController()
    const leave = (): void => own.abort()
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave, { once: true })
    const late = Promise.withResolvers<Enhancement>()
    const cancel = this.#options.clock.after(withinMs, () => late.resolve(unchanged(prompt, 'timeout')))
    let isWaiting = true
    const onText = (piece: string): void => {
      if (isWaiting) request.onText?.(piece)
    }
    const result = this.#enhanced({ ...request, onText, signal: own.signal })
    try {
      return await Promise.race([result, late.promise])
    } finally {
      cancel()
      isWaiting = false
      // From here on its end is of no concern to the caller, nor the caller's to it.
      signal.removeEventListener('abort', leave)
      result.catch(() => undefined)
    }
  }

  async #enhanced(request: EnhanceRequest): Promise<Enhancement> {
    const { tenantId, client, prompt } = request
    const { model: ollama, rules, cache } = this.#options
    if (ollama === undefined) return unchanged(prompt, 'off')
    const rule = ruleFor(rules(), tenantId, client)
    if (rule === undefined) return unchanged(prompt, 'no_rule')
    if (!rule.enabled) return unchanged(prompt, 'rule_disabled')
    const { model, systemPrompt, options } = rule
    const key = { tenantId, digest: digestOf(tenantId, model, systemPrompt, options, prompt) }
    const kept = cache.get(key)
    if (kept !== undefined) return { prompt: kept, enhanced: true, model, cached: true }
    try {
      return { prompt: await this.#answer(request, rule, key), enhanced: true, model, cached: false }
    } catch (error) {
      const reason = error instanceof Busy ? 'busy' : failureReason(error)
      if (reason === undefined) throw error
      return unchanged(prompt, reason)
    }
  }

  /** Those who want the same at the same time share one answer; what they are told begins with all that was said. */
  async #answer(
    { prompt, signal, onText }: EnhanceRequest,
    { model, systemPrompt, options }: EnhancementRule,
    key: { readonly tenantId: string; readonly digest: string },
  ): Promise<string> {
    let told = 0
    const onEvent = (soFar: string): void => {
      onText?.(soFar.slice(told))
      told = soFar.length
    }
    const request = { model, system: systemPrompt, prompt, options }
    const { result } = await this.#runs.join(key.digest, { signal, onEvent }, async (shared, tell) => {
      const text = await this.#ask(request, shared, tell)
      this.#options.cache.set(key, text, this.#options.cacheTtlMs)
      return text
    })
    return result
  }

  async #ask(
    request: Parameters<OllamaClient['answer']>[0],
    signal: AbortSignal,
    onText: (soFar: string) => void,
  ): Promise<string> {
    const { model, breaker } = this.#options
    if (model === undefined || this.#running >= MAX_CONCURRENT) throw new Busy()
    this.#running += 1
    try {
      let text = ''
      const use = async (): Promise<Record<string, never>> => {
        text = await model.answer(request, { signal, onText })
        return {}
      }
      await breaker.run(use, () => true)
      return text
    } finally {
      this.#running -= 1
    }
  }
}

class Busy extends Error {}

function unchanged(prompt: string, reason: Reason): Enhancement {
  return { prompt, enhanced: false, reason }
}

function outcomeOf(result: Enhancement): EnhancementOutcome {
  if (!result.enhanced) return result.reason
  return result.cached ? 'cached' : 'enhanced'
}
