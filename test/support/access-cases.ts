import * as fc from 'fast-check'
import type { Action, Target } from '../../src/domain/access-policy.ts'
import type { Principal } from '../../src/domain/principal.ts'
import {
  type ServerDefinition,
  type ServerKey,
  serverDocumentSchema,
  serverKey,
} from '../../src/domain/documents/server-definition.ts'
import { EMPTY_SNAPSHOT, type Snapshot } from '../../src/domain/snapshot.ts'

/** A server of the tenant acme with as little in it as possible. */
export const serverOf = (document: object): ServerDefinition =>
  serverDocumentSchema.parse({
    name: 'files',
    tenantId: 'acme',
    transport: 'stdio',
    command: 'node',
    ...document,
  })

export const snapshotOf = (...servers: ServerDefinition[]): Snapshot => ({
  ...EMPTY_SNAPSHOT,
  generation: 1,
  servers: new Map(servers.map((server) => [serverKey(server), server])),
})

const TENANTS = ['acme', 'globex']
export const ROLES = ['reader', 'editor', 'admin']
const AGENTS = ['desk', 'phone']
export const TOOLS = ['read_file', 'read_dir', 'write_file', 'x']
export const PATTERNS = [...TOOLS, '*', 'read_*', '*_file', '*r*e*', 'nothing']
export const SCOPES = ['tools:read', 'tools:write']
export const ACTIONS: Action[] = ['list', 'call', 'read', 'get', 'complete']

const someRoles = fc.subarray(ROLES, { minLength: 1 })
const requiredRoles = fc.oneof(someRoles, fc.record({ allOf: someRoles }))
export const anyOverride = fc.record(
  { requiredRoles, agentAllowlist: fc.subarray(AGENTS), scopes: fc.subarray(SCOPES, { minLength: 1 }) },
  { requiredKeys: [] },
)
const tools = fc
  .tuple(
    fc.dictionary(fc.constantFrom(...PATTERNS), anyOverride, { maxKeys: 3 }),
    fc.record({ include: fc.subarray(PATTERNS), exclude: fc.subarray(PATTERNS) }, { requiredKeys: [] }),
  )
  .map(([overrides, selection]) => ({ ...overrides, ...selection }))
export const anyServer = fc
  .record(
    {
      name: fc.constantFrom('files', 'mail'),
      tenantId: fc.constantFrom(...TENANTS, '*'),
      enabled: fc.constantFrom(true, true, true, false),
      requiredRoles,
      agentAllowlist: fc.constantFrom([], ['desk'], AGENTS, AGENTS),
      tools,
    },
    { requiredKeys: ['name', 'tenantId'] },
  )
  .map(serverOf)
export const anySnapshot = fc
  .array(anyServer, { minLength: 1, maxLength: 6 })
  .map((servers) => snapshotOf(...servers))
export const anyPrincipal: fc.Arbitrary<Principal> = fc.record({
  tenantId: fc.constantFrom(...TENANTS, 'initech'),
  subject: fc.constant('alice'),
  agent: fc.option(fc.constantFrom(...AGENTS), { nil: undefined }),
  roles: fc.subarray(ROLES),
  scopes: fc.subarray(SCOPES),
  issuer: fc.constant('https://id.example.com'),
  expiresAtMs: fc.constant(0),
})
const KEYS: ServerKey[] = [...TENANTS, '*'].flatMap((tenantId) =>
  ['files', 'mail', 'gone'].map((name) => `${tenantId}/${name}`),
)
export const anyTarget: fc.Arbitrary<Target> = fc.record({
  server: fc.constantFrom(...KEYS),
  kind: fc.constantFrom('tool', 'tool', 'tool', 'server', 'resource', 'prompt'),
  name: fc.constantFrom(...TOOLS),
})
export const anyAction = fc.constantFrom(...ACTIONS)
