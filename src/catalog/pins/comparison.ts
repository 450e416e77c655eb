import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { NamedItem } from '../../upstream/discovery/listing.ts'
import { definitionHash } from './definition-hash.ts'
import { isUnreadable, type Pin, type StoredPins, UNKNOWN_HASH } from './pin-store.ts'

/**
 * What happens when the definition of a tool changes: it becomes the trusted one, it is reported and offered, or it is
 * held back until it is approved.
 */
export type ToolChangePolicy = 'allow' | 'alert' | 'hold'

/** A tool whose definition is not approved yet. */
interface WaitingTool {
  readonly tool: NamedItem
  readonly hash: string
  /** What is trusted; undefined for a tool that came after the server's first ones. */
  readonly pinned: Pin | undefined
  /** The tenants that have approved it for themselves. */
  readonly approvedBy: ReadonlySet<string>
}

/** The tools of a server, compared with their trusted definitions. */
export interface Comparison {
  /** By the server's own name. */
  readonly waiting: ReadonlyMap<string, WaitingTool>
  /** The tools that become trusted as they are. */
  readonly taken: readonly NamedItem[]
}

/**
 * Compares what a server offers with the pins for it. What it offers first is trusted. A new tool is held back like a
 * changed one, and otherwise trusted.
 * @param owner the tenant of the server
 */
export function compare(
  tools: readonly NamedItem[],
  { pins, unreadable }: Pick<StoredPins, 'pins' | 'unreadable'>,
  owner: string,
  policy: ToolChangePolicy,
): Comparison {
  const trusted = pins.get(owner) ?? new Map<string, Pin>()
  if (trusted.size === 0 && unreadable.size === 0) return { waiting: new Map(), taken: tools }
  const others = [...pins].filter(([tenantId]) => tenantId !== owner)
  const waiting = new Map<string, WaitingTool>()
  const taken: NamedItem[] = []
  for (const tool of tools) {
    const hash = definitionHash(tool)
    const pinned = trusted.get(tool.name)
    if (pinned?.hash === hash) continue
    if (policy === 'allow' || (policy === 'alert' && pinned === undefined)) {
      taken.push(tool)
      continue
    }
    const approving = others.filter(([, approved]) => approved.get(tool.name)?.hash === hash)
    const approvedBy = new Set(approving.map(([tenantId]) => tenantId))
    waiting.set(tool.name, { tool, hash, pinned, approvedBy })
  }
  return { waiting, taken }
}

/** Pins for the tools of which it is not known what was trusted, because it cannot be read: they count as changed. */
export function unknownPins(
  tools: readonly NamedItem[],
  stored: StoredPins,
  server: ServerDefinition,
): Map<string, Pin> {
  const trusted = stored.pins.get(server.tenantId)
  const owner = { server, tenantId: server.tenantId }
  const unknown = tools.filter(({ name }) => trusted?.has(name) !== true && isUnreadable(stored, owner, name))
  return new Map(unknown.map(({ name }) => [name, { hash: UNKNOWN_HASH, at: 0 }]))
}

/** The tool that has a name and a hash. @throws GatewayError `tool_not_found` or `definition_changed` */
export function expectedTool(tools: readonly NamedItem[], name: string, expected: string): NamedItem {
  const tool = tools.find((each) => each.name === name)
  if (tool === undefined) throw new GatewayError('tool_not_found', `Unknown tool: ${name.slice(0, 256)}`)
  const hash = definitionHash(tool)
  if (hash === expected) return tool
  throw new GatewayError(
    'definition_changed',
    `The definition of ${name.slice(0, 256)} has the hash ${hash} now; look at it again before you approve it`,
  )
}
