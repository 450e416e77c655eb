import type { ServerEvent } from '@modelcontextprotocol/server'
import { isInteractive } from '../../calls/client/interactive.ts'
import type { WatchedSession } from '../../catalog/view-watch.ts'
import type { ClientSide } from '../relay/caller-client.ts'
import type { ListKind } from '../../upstream/connection/connection.ts'

/** Sends a `list_changed` notification for each kind; errors of a disconnected client are ignored. */
export function notifyListChanged(
  server: Pick<ClientSide, 'notification'>,
  kinds: ReadonlySet<ListKind>,
): void {
  for (const kind of kinds) {
    void server.notification({ method: `notifications/${kind}/list_changed` }).catch(() => undefined)
  }
}

/** The events of a listen stream for each kind (MCP 2026-07-28, subscriptions). */
export function listChangedEvents(kinds: ReadonlySet<ListKind>): ServerEvent[] {
  return [...kinds].map((kind) => ({ kind: `${kind}_list_changed` as const }))
}

/** The view watch of a legacy client: whether it accepts requests of servers is known only after `initialize`. */
export function watchFor(
  serverOf: () => Pick<ClientSide, 'getClientCapabilities'> | undefined,
  session: WatchedSession,
): { readonly isInteractive: () => boolean; readonly session: WatchedSession } {
  return {
    session,
    isInteractive: () =>
      isInteractive({ era: 'legacy', capabilities: serverOf()?.getClientCapabilities() ?? {} }),
  }
}
