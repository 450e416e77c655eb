import { isJsonObject } from '../../domain/json/json.ts'
import type { Connection } from '../../upstream/connection/connection.ts'
import type { CallerClient } from '../call.ts'

const TIMEOUT_MS = 5000

/** The level that was last set on each connection. */
const told = new WeakMap<Connection, string>()

/**
 * Sets the client's minimum log level on a legacy server, unless the connection has this level already. Best effort:
 * the client's own filter applies in any case.
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
