import { readFile } from 'node:fs/promises'
import type { Clock } from '../domain/clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type ConnectionLimits, Connections } from './connections.ts'

/** What is kept for everything else: processes, connections to servers, files. */
const MIN_RESERVE = 128
const MIN_CONNECTIONS = 16
/** Where the system does not say. */
const ASSUMED_DESCRIPTORS = 10_240

interface ConnectionSettings {
  readonly maxConnections: number | undefined
  readonly maxConnectionsPerAddress: number | undefined
}

/** The connections of the gateway's clients, none yet, within the bounds of settings and system. */
export async function openConnections(
  settings: ConnectionSettings,
  options: { clock: Clock; logger: Logger },
): Promise<Connections> {
  const limitsNow = (): Promise<ConnectionLimits> => connectionLimits(settings)
  return new Connections({ limits: await limitsNow(), limitsNow, ...options })
}

/**
 * How many connections may be open now: what the settings say, within the descriptors that this process may have but for
 * a quarter of them, at least 128.
 */
async function connectionLimits(settings: ConnectionSettings): Promise<ConnectionLimits> {
  const descriptors = await maxDescriptors()
  const available = Math.max(MIN_CONNECTIONS, descriptors - Math.max(MIN_RESERVE, Math.ceil(descriptors / 4)))
  const total = Math.min(settings.maxConnections ?? available, available)
  return { total, perAddress: Math.min(settings.maxConnectionsPerAddress ?? Math.ceil(total / 2), total) }
}

async function maxDescriptors(): Promise<number> {
  const text = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const found = Number(/^Max open files +(\d+)/m.exec(text)?.[1])
  return Number.isInteger(found) && found > 0 ? found : ASSUMED_DESCRIPTORS
}
