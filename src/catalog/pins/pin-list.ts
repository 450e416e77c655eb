import { createHash } from 'node:crypto'
import type { NamedItem } from '../../upstream/discovery/listing.ts'
import { definitionHash } from './definition-hash.ts'
import type { Pin } from './pin-store.ts'
import type { PinnedServer } from './tool-pins.ts'

/** The current definition of a tool, and the one that a tenant trusts. */
export interface ToolPin {
  readonly tool: NamedItem
  readonly hash: string
  /** `changed` and `new` ones wait for approval. */
  readonly state: 'pinned' | 'changed' | 'new'
  readonly isHeld: boolean
  /** What is trusted; undefined for a new tool. */
  readonly pin: Pin | undefined
}

/** Every tool of a server, as a tenant that uses it sees it. */
export function toolPins(server: PinnedServer, tenantId: string): ToolPin[] {
  const trusted = server.pins.get(server.definition.tenantId)
  const own = server.pins.get(tenantId)
  return server.tools.map((tool) => {
    const hash = definitionHash(tool)
    const waiting = server.waiting.get(tool.name)
    const approved = own?.get(tool.name)
    if (waiting === undefined)
      return { tool, hash, state: 'pinned', isHeld: false, pin: trusted?.get(tool.name) }
    if (waiting.approvedBy.has(tenantId)) return { tool, hash, state: 'pinned', isHeld: false, pin: approved }
    // What the tenant approved last is what its people know.
    const pin = approved ?? waiting.pinned
    const state = pin === undefined ? 'new' : 'changed'
    return { tool, hash, state, isHeld: server.policy === 'hold', pin }
  })
}

/** One hash for all tools of a list that wait, so that exactly these can be approved together. */
export function waitingHash(pins: readonly ToolPin[]): string {
  const lines = pins
    .filter(({ state }) => state !== 'pinned')
    .map(({ tool, hash }) => JSON.stringify([tool.name, hash]))
    .toSorted()
  return createHash('sha256').update(lines.join('\n')).digest('hex')
}
