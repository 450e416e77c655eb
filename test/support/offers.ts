import { serverDocumentSchema, type ServerDefinition, serverKey } from '../../src/domain/server-definition.ts'
import type { Snapshot } from '../../src/domain/snapshot.ts'
import type { Principal } from '../../src/domain/principal.ts'
import type { NamedItem, Offer } from '../../src/upstream/discovery.ts'

/** A valid server document with as little in it as possible. */
export function server(fields: Record<string, unknown> = {}): ServerDefinition {
  return serverDocumentSchema.parse({
    name: 'alpha',
    tenantId: 'acme',
    transport: 'stdio',
    command: 'x',
    ...fields,
  })
}

export function snapshotOf(...servers: ServerDefinition[]): Snapshot {
  return { generation: 1, servers: new Map(servers.map((each) => [serverKey(each), each])), quarantined: [] }
}

export function offer(parts: Partial<Offer> = {}): Offer {
  return {
    tools: [],
    resources: [],
    resourceTemplates: [],
    prompts: [],
    capabilities: {},
    problems: [],
    ...parts,
  }
}

export function tool(name: string, fields: Record<string, unknown> = {}): NamedItem {
  return { name, inputSchema: { type: 'object' }, ...fields }
}

export function principal(fields: Partial<Principal> = {}): Principal {
  return {
    tenantId: 'acme',
    subject: 'ann',
    agent: undefined,
    roles: [],
    scopes: [],
    issuer: 'urn:test',
    expiresAtMs: Number.MAX_SAFE_INTEGER,
    ...fields,
  }
}
