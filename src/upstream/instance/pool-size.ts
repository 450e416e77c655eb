import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import { targetsOf } from './targets.ts'

const CALLS = 256
/** Of a process that can get company: others are started when it has as many. */
const CALLS_OF_MANY = 16
const QUEUE_LIMIT = 1000
const QUEUE_TIMEOUT_MS = 10_000

/** How large a pool may be, and how much it takes on. */
export interface PoolSize {
  readonly min: number
  readonly max: number
  readonly callsPerInstance: number
  readonly queueLimit: number
  readonly queueTimeoutMs: number
}

/**
 * Over HTTP the size is that of the list of endpoints.
 * @param options.isSolo the pool is for callers who need one and the same instance
 */
export function sizeOf(definition: ServerDefinition, options: { isSolo: boolean }): PoolSize {
  const { pool, lifecycle, transport, sharing } = definition
  const isProcess = transport === 'stdio'
  const { queueLimit = QUEUE_LIMIT, queueTimeoutMs = QUEUE_TIMEOUT_MS } = pool
  const { maxConcurrentPerInstance: callsPerInstance = CALLS } = pool
  const shared = { callsPerInstance, queueLimit, queueTimeoutMs }
  if (!isProcess) return { ...shared, min: 0, max: targetsOf(definition).length }
  const { min = lifecycle.autoStart ? 1 : 0 } = pool
  const max = options.isSolo || sharing === 'session' ? 1 : (pool.max ?? Math.max(min, 1))
  const { maxConcurrentPerInstance = max > 1 ? CALLS_OF_MANY : CALLS } = pool
  return { ...shared, callsPerInstance: maxConcurrentPerInstance, min: Math.min(min, max), max }
}
