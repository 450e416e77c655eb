import type { ServerDefinition } from '../../domain/documents/server-definition.ts'

/** Enough for `npx` and `uvx` to fetch what they run. */
const PROCESS_MS = 60_000

/**
 * How long a server may take to open, and again to say what it offers: `lifecycle.startTimeoutMs`, else the connect
 * timeout, which is a minute at least for a process.
 */
export function startTimeoutMs(
  { transport, lifecycle }: Pick<ServerDefinition, 'transport' | 'lifecycle'>,
  connectTimeoutMs: number,
): number {
  const byDefault = transport === 'stdio' ? Math.max(connectTimeoutMs, PROCESS_MS) : connectTimeoutMs
  return lifecycle.startTimeoutMs ?? byDefault
}
