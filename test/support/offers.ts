import {
  serverDocumentSchema,
  type ServerDefinition,
  serverKey,
} from '../../src/domain/documents/server-definition.ts'
import { EMPTY_SNAPSHOT, type Snapshot } from '../../src/domain/snapshot.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { NEEDS_NO_CLIENT, type Offer } from '../../src/upstream/discovery/discovery.ts'
import type { ListName, NamedItem } from '../../src/upstream/discovery/listing.ts'

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
  return {
    ...EMPTY_SNAPSHOT,
    generation: 1,
    servers: new Map(servers.map((each) => [serverKey(each), each])),
  }
}

export function offer(parts: Partial<Offer> = {}): Offer {
  return {
    tools: [],
    resources: [],
    resourceTemplates: [],
    prompts: [],
    capabilities: {},
    needsClient: NEEDS_NO_CLIENT,
    ttlMs: {},
    problems: [],
    ...parts,
  }
}

/** Items that a server offers only to clients that it can ask, by its own names. */
export function needsClient(parts: Partial<Record<ListName, string[]>>): Pick<Offer, 'needsClient'> {
  const { tools, prompts, resources, resourceTemplates } = parts
  return {
    needsClient: {
      tools: new Set(tools),
      prompts: new Set(prompts),
      resources: new Set(resources),
      resourceTemplates: new Set(resourceTemplates),
    },
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
