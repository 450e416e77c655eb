import type { Settings } from '../../config/settings.ts'
import { open } from 'node:fs/promises'
import type { Clock } from '../../domain/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { type ConnectionLimits, Connections } from './connections.ts'

/** Descriptors reserved for everything else: processes, connections to servers, files. */
const MIN_RESERVE = 128
const MIN_CONNECTIONS = 16
/** Used where the system does not report a limit. */
const ASSUMED_DESCRIPTORS = 10_240
const LIMITS_FILE = '/proc/self/limits'
const LIMITS_BYTES = 4096

type OnClose = (name: string, close: () => Promise<void>) => void

type ConnectionSettings = Pick<Settings, 'maxConnections' | 'maxConnectionsPerAddress'>

/** Tracks the connections of clients, within the limits of settings and system. */
export async function openConnections(
  settings: ConnectionSettings,
  { clock, logger, onClose }: { clock: Clock; logger: Logger; onClose: OnClose },
): Promise<Connections> {
  // Stays open: when it matters most, no descriptor is left to open it with.
  const file = await open(LIMITS_FILE).catch(() => undefined)
  if (file !== undefined) onClose('limits of the process', () => file.close())
  let systemLimits = ''
  const limitsNow = async (): Promise<ConnectionLimits> => {
    const found = await file?.read(Buffer.alloc(LIMITS_BYTES), 0, LIMITS_BYTES, 0).catch(() => undefined)
    if (found !== undefined) systemLimits = found.buffer.toString('utf8', 0, found.bytesRead)
    return connectionLimits(settings, systemLimits)
  }
  return new Connections({ limits: await limitsNow(), limitsNow, clock, logger })
}

/**
 * How many connections may be open: as set, within the file descriptors of this process minus a quarter of them, at least
 * 128.
 */
function connectionLimits(settings: ConnectionSettings, systemLimits: string): ConnectionLimits {
  const descriptors = maxDescriptors(systemLimits)
  const available = Math.max(MIN_CONNECTIONS, descriptors - Math.max(MIN_RESERVE, Math.ceil(descriptors / 4)))
  const total = Math.min(settings.maxConnections ?? available, available)
  return { total, perAddress: Math.min(settings.maxConnectionsPerAddress ?? Math.ceil(total / 2), total) }
}

function maxDescriptors(systemLimits: string): number {
  const found = Number(/^Max open files +(\d+)/m.exec(systemLimits)?.[1])
  return Number.isInteger(found) && found > 0 ? found : ASSUMED_DESCRIPTORS
}
