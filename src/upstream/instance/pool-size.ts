import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import { targetsOf } from './targets.ts'

const CALLS = 256
/** Calls of one process if the pool may start others: they are started when each has this many. */
const CALLS_OF_MANY = 16
const QUEUE_LIMIT = 1000
const QUEUE_TIMEOUT_MS = 10_000

/** The size of a pool, and its limits. */
export interface PoolSize {
  readonly min: number
  readonly max: number
  readonly callsPerInstance: number
  readonly queueLimit: number
  readonly queueTimeoutMs: number
}

/**
 * The size of a server's pool; over HTTP it is the number of endpoints.
 * @param options.isSolo whether callers need the same instance
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
