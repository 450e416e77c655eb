import { BoundedCache } from '../../cache/bounded-cache.ts'
import type { Settings } from '../../config/settings.ts'
import type { Clock } from '../../domain/clock.ts'
import type { EnhancementRule } from '../../domain/documents/enhancement-rule.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { type BreakerState, CircuitBreaker } from '../../upstream/health/circuit-breaker.ts'
import { Enhancer, type EnhancementOutcome } from './enhancer.ts'
import { OllamaClient } from './ollama-client.ts'
import { OllamaHealth, type OllamaStatus } from './ollama-health.ts'

const BREAKER = {
  enabled: true,
  failureThreshold: 3,
  errorPercentage: 50,
  minimumCalls: 20,
  windowMs: 60_000,
  recoveryTimeoutMs: 10_000,
}

/** The Ollama server, and the circuit breaker in front of it. */
interface EnhancerStatus extends OllamaStatus {
  readonly breaker: BreakerState | undefined
}

/** What improves prompts while the gateway runs. */
export interface OpenEnhancer {
  readonly enhancer: Enhancer
  readonly cache: BoundedCache
  /** Undefined where nothing is enhanced. */
  readonly status: () => EnhancerStatus | undefined
  /** Idempotent. */
  readonly close: () => void
}

/** Builds the enhancer and begins to look how its server is; nothing is waited for. */
export function openEnhancer(
  settings: Pick<Settings, 'enhancement' | 'caches'>,
  options: {
    rules: () => Iterable<EnhancementRule>
    onOutcome: (outcome: EnhancementOutcome) => void
    clock: Clock
    logger: Logger
  },
): OpenEnhancer {
  const { host, timeoutMs, keepAlive, cacheTtlMs } = settings.enhancement
  const { rules, onOutcome, clock, logger } = options
  const cache = new BoundedCache({ ...settings.caches, clock })
  const breaker = new CircuitBreaker({
    server: 'ollama',
    settings: BREAKER,
    clock,
    onTransition: (state, reason) => logger.warn({ state, reason }, 'circuit breaker of the Ollama server'),
  })
  const model = host === undefined ? undefined : new OllamaClient({ host, timeoutMs, keepAlive, clock })
  const enhancer = new Enhancer({ model, rules, breaker, cache, cacheTtlMs, onOutcome, clock })
  const health = model && new OllamaHealth({ client: model, clock })
  health?.start()
  return {
    enhancer,
    cache,
    status: () => health && { ...health.status, breaker: breaker.state },
    close: () => {
      health?.close()
      breaker.close()
    },
  }
}
