import type { HeldTools } from './held-tools.ts'
import type { EnhancementRule } from './documents/enhancement-rule.ts'
import type { JsonObject } from './json/json.ts'
import type { PipelineDefinition } from './documents/pipeline-definition.ts'
import { ALL_TENANTS } from './principal.ts'
import { type ServerDefinition, type ServerKey, serverKey } from './documents/server-definition.ts'

/** A document that was refused, with the reason that the operator sees. */
export interface QuarantinedDocument {
  /**
   * A server's id in its source: the key in the file, or the Firestore document id. Others are `tenants/<id>` and so
   * on.
   */
  readonly id: string
  /** A server's name; of other documents the id, which cannot be the name of a server. */
  readonly name: string
  /** Absent if the document does not state which tenant it belongs to. */
  readonly tenantId: string | undefined
  readonly reason: string
  /** Whether the document's last good version still serves. */
  readonly lastGoodServes: boolean
}

/** The whole registry at one generation; immutable. */
export interface Snapshot {
  readonly generation: number
  readonly servers: ReadonlyMap<ServerKey, ServerDefinition>
  /** Parametrised server definitions by document id, as they are written; each has a `name` and a `tenantId`. */
  readonly templates: ReadonlyMap<string, JsonObject>
  /** Declared chains of tool calls, by document id. */
  readonly pipelines: ReadonlyMap<string, PipelineDefinition>
  /** The rules by which prompts are improved, by document id. */
  readonly enhancementRules: ReadonlyMap<string, EnhancementRule>
  readonly quarantined: readonly QuarantinedDocument[]
  /** What callers may not use although the documents allow it; absent while there is none. */
  readonly held?: HeldTools
}

/** The registry before its source has emitted anything. */
export const EMPTY_SNAPSHOT: Snapshot = {
  generation: 0,
  servers: new Map(),
  templates: new Map(),
  pipelines: new Map(),
  enhancementRules: new Map(),
  quarantined: [],
}

/** The server that `name` means for a tenant: its own, or one for all tenants. */
export function serverNamed(
  snapshot: Snapshot,
  tenantId: string,
  name: string,
): ServerDefinition | undefined {
  return (
    snapshot.servers.get(serverKey({ tenantId, name })) ??
    snapshot.servers.get(serverKey({ tenantId: ALL_TENANTS, name }))
  )
}

/** The servers of a tenant and of all tenants, by name; its own server takes precedence over one for all. */
export function serversOf(snapshot: Snapshot, tenantId: string): ServerDefinition[] {
  return [...snapshot.servers.values()]
    .filter(
      (server) =>
        server.tenantId === tenantId ||
        (server.tenantId === ALL_TENANTS &&
          !snapshot.servers.has(serverKey({ tenantId, name: server.name }))),
    )
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}
