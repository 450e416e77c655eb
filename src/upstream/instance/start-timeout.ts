import type { ServerDefinition } from '../../domain/documents/server-definition.ts'

/** Long enough for `npx` and `uvx` to download packages. */
const PROCESS_MS = 60_000

/**
 * Timeout for opening a server, and again for its discovery, in milliseconds: `lifecycle.startTimeoutMs`, else the
 * connect timeout, which is at least a minute for a process.
 */
export function startTimeoutMs(
  { transport, lifecycle }: Pick<ServerDefinition, 'transport' | 'lifecycle'>,
  connectTimeoutMs: number,
): number {
  const byDefault = transport === 'stdio' ? Math.max(connectTimeoutMs, PROCESS_MS) : connectTimeoutMs
  return lifecycle.startTimeoutMs ?? byDefault
}
