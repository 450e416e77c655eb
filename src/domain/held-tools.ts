import type { ServerKey } from './documents/server-definition.ts'

/** A tool whose current definition may not be used. */
export interface HeldTool {
  /** Hash of the definition that is held back. */
  readonly hash: string
  /** The tenants that have approved that definition for themselves, where the server is shared. */
  readonly approvedBy: ReadonlySet<string>
}

/** The tools that are held back because of their definitions, by server and by the server's own name of the tool. */
export type HeldTools = ReadonlyMap<ServerKey, ReadonlyMap<string, HeldTool>>

/** The definition that is held back from a tenant, if that tool is; undefined for a tool that its callers may use. */
export function heldFrom(
  held: HeldTools | undefined,
  tenantId: string,
  { server, kind, name }: { readonly server: ServerKey; readonly kind: string; readonly name?: string },
): HeldTool | undefined {
  if (held === undefined || kind !== 'tool' || name === undefined) return undefined
  const tool = held.get(server)?.get(name)
  return tool === undefined || tool.approvedBy.has(tenantId) ? undefined : tool
}
