import type { Server, ServerEvent } from '@modelcontextprotocol/server'
import { isInteractive } from '../../calls/client/interactive.ts'
import type { ListKind } from '../../upstream/connection/connection.ts'

/** Sends a `list_changed` notification for each kind; a client that is gone misses nothing that it could use. */
export function notifyListChanged(server: Server, kinds: ReadonlySet<ListKind>): void {
  for (const kind of kinds) {
    void server.notification({ method: `notifications/${kind}/list_changed` }).catch(() => undefined)
  }
}

/** The events of a listen stream for each kind (MCP 2026-07-28, subscriptions). */
export function listChangedEvents(kinds: ReadonlySet<ListKind>): ServerEvent[] {
  return [...kinds].map((kind) => ({ kind: `${kind}_list_changed` as const }))
}

/** How the view of a legacy client is watched: whether it can be asked is known once it has declared itself. */
export function watchFor(serverOf: () => Server | undefined): { readonly isInteractive: () => boolean } {
  return {
    isInteractive: () =>
      isInteractive({ era: 'legacy', capabilities: serverOf()?.getClientCapabilities() ?? {} }),
  }
}
