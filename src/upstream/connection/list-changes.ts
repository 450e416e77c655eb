import {
  type Client,
  type ServerCapabilities,
  SdkHttpError,
  type StandardSchemaV1,
} from '@modelcontextprotocol/client'
import { type Clock, sleep } from '../../domain/clock.ts'
import { backoffMs } from '../backoff.ts'
import type { ListKind } from './connection.ts'

const KINDS = ['tools', 'resources', 'prompts'] as const satisfies readonly ListKind[]
const ACKNOWLEDGE_MS = 10_000
/** A subscription that held this long was a good one. */
const STABLE_MS = 60_000
const METHOD_NOT_FOUND = -32_601
const ANYTHING: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'tool-gateway', validate: (value) => ({ value }) },
}

/** Reports what the server announces as changed. To be called before the client connects. */
export function onListChanges(client: Client, onListChanged: (kind: ListKind) => void): void {
  for (const kind of KINDS) {
    client.setNotificationHandler(`notifications/${kind}/list_changed`, { params: ANYTHING }, () =>
      onListChanged(kind),
    )
  }
}

/**
 * Asks a server of 2026-07-28 to announce changes, again and again while `signal` is not aborted. After a gap
 * everything counts as changed. A server that does not know how is left in peace.
 */
export async function listenForChanges(options: {
  client: Client
  onListChanged: (kind: ListKind) => void
  clock: Clock
  random: () => number
  signal: AbortSignal
}): Promise<void> {
  const { client, onListChanged, clock, random, signal } = options
  const kinds = announced(client.getServerCapabilities())
  if (kinds.length === 0) return
  const filter = Object.fromEntries(kinds.map((kind) => [`${kind}ListChanged`, true]))
  let failures = 0
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    try {
      const subscription = await client.listen(filter, { signal, timeout: ACKNOWLEDGE_MS })
      const openedAt = clock.monotonic()
      if (!isFirst) kinds.forEach(onListChanged)
      await subscription.closed
      if (clock.monotonic() - openedAt >= STABLE_MS) failures = 0
    } catch (error) {
      if (isUnknownMethod(error)) return
    }
    failures += 1
    await sleep(clock, backoffMs(failures, random), signal)
  }
}

function announced(capabilities: ServerCapabilities | undefined): ListKind[] {
  return KINDS.filter((kind) => capabilities?.[kind]?.listChanged === true)
}

function isUnknownMethod(error: unknown): boolean {
  if (error instanceof SdkHttpError) return error.status === 404 || error.status === 405
  return error instanceof Error && 'code' in error && error.code === METHOD_NOT_FOUND
}
