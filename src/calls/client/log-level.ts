import { isJsonObject } from '../../domain/json/json.ts'
import type { Connection } from '../../upstream/connection/connection.ts'
import type { CallerClient } from '../call.ts'

const TIMEOUT_MS = 5000

/** The level that each connection was last told. */
const told = new WeakMap<Connection, string>()

/**
 * Tells a legacy server the least severity of log messages that the client of the connection wants, where that is
 * new to it. Best effort: the client's own filter holds in any case.
 */
export async function setLogLevel(
  connection: Connection,
  client: CallerClient | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const level = client?.logLevel
  if (level === undefined || client?.era !== 'legacy' || connection.era !== 'legacy') return
  if (told.get(connection) === level || !isJsonObject(connection.capabilities['logging'])) return
  told.set(connection, level)
  await connection
    .request('logging/setLevel', { level }, { signal, timeoutMs: TIMEOUT_MS })
    .catch(() => undefined)
}
