import type { Client, ServerCapabilities, StandardSchemaV1 } from '@modelcontextprotocol/client'
import type { Clock } from '../../domain/clock.ts'
import type { ListKind } from './connection.ts'
import { keepListening } from './listening.ts'

const KINDS = ['tools', 'resources', 'prompts'] as const satisfies readonly ListKind[]
const ANYTHING: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'tool-gateway', validate: (value) => ({ value }) },
}

/** Reports list changes that the server announces. Call it before the client connects. */
export function onListChanges(client: Client, onListChanged: (kind: ListKind) => void): void {
  for (const kind of KINDS) {
    client.setNotificationHandler(`notifications/${kind}/list_changed`, { params: ANYTHING }, () =>
      onListChanged(kind),
    )
  }
}

/**
 * Keeps a stream open on which a server of 2026-07-28 announces changes, until `signal` aborts. After a gap everything
 * counts as changed.
 */
export async function listenForChanges(options: {
  client: Client
  onListChanged: (kind: ListKind) => void
  clock: Clock
  random: () => number
  signal: AbortSignal
}): Promise<void> {
  const { client, onListChanged, clock, random, signal } = options
  const kinds = announcedKinds(client.getServerCapabilities())
  if (kinds.length === 0) return
  const filter = Object.fromEntries(kinds.map((kind) => [`${kind}ListChanged`, true]))
  const onGap = (): void => kinds.forEach(onListChanged)
  await keepListening({ client, filter, clock, random, signal, onGap })
}

/** The lists whose changes the server has declared that it announces. */
export function announcedKinds(capabilities: ServerCapabilities | undefined): ListKind[] {
  return KINDS.filter((kind) => capabilities?.[kind]?.listChanged === true)
}
