import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { serverDocumentSchema } from '../../src/domain/documents/server-definition.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { isolationKeyOf, sessionKey, withAccount } from '../../src/upstream/isolation-key.ts'
import { soak } from '../support/soak.ts'

const texts = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.constantFrom('ada', 'bob', 'a"],["b', ' ', '\u0000', 'ada '),
)
const tenants = fc.constantFrom('acme', 'acme-2', 'globex')
const callers = fc.record({
  principal: fc
    .record({ tenantId: tenants, subject: texts, roles: fc.constant([]), agent: texts })
    .map((given): Principal => ({ ...given, scopes: [], issuer: 'https://idp.example', expiresAtMs: 0 })),
  sessionId: fc.option(fc.constantFrom('s1', 's2'), { nil: undefined }),
})
const servers = fc
  .record({
    sharing: fc.constantFrom('tenant', 'session', 'global'),
    tenantId: fc.constantFrom('acme', '*'),
    per: fc.constantFrom('user', 'tenant'),
    transport: fc.constantFrom('streamable-http', 'sse', 'http'),
  })
  .map(({ per, ...given }) =>
    serverDocumentSchema.parse({
      ...given,
      name: 'notes',
      url: 'https://notes.example/mcp',
      auth: { kind: 'oauth', per },
    }),
  )

test('callers share connections only if they use the same account', () => {
  fc.assert(
    fc.property(servers, callers, callers, (server, one, other) => {
      const keys = [
        [isolationKeyOf(server, one), isolationKeyOf(server, other)],
        [
          withAccount(server, one.principal, sessionKey('s')),
          withAccount(server, other.principal, sessionKey('s')),
        ],
      ]
      const isPersonal =
        server.transport !== 'stdio' && server.auth.kind === 'oauth' && server.auth.per === 'user'
      const isSameTenant = one.principal.tenantId === other.principal.tenantId
      const isSame = isSameTenant && (!isPersonal || one.principal.subject === other.principal.subject)
      // Only callers of one tenant reach a server of one tenant.
      if (!isPersonal && server.tenantId !== '*') return
      const shared = keys.filter(([first, second]) => first === second)
      expect(isSame ? [] : shared).toEqual([])
    }),
    { numRuns: soak(2000, 400) },
  )
})

test('the connections of a person at a server are not kept apart without reason', () => {
  const server = serverDocumentSchema.parse({
    name: 'notes',
    tenantId: 'acme',
    transport: 'streamable-http',
    url: 'https://notes.example/mcp',
    auth: { kind: 'oauth' },
  })
  const keyOf = (agent: string, sessionId: string | undefined): string =>
    isolationKeyOf(server, {
      principal: {
        tenantId: 'acme',
        subject: 'ada',
        agent,
        roles: [],
        scopes: [],
        issuer: 'i',
        expiresAtMs: 0,
      },
      sessionId,
    })
  expect(new Set([keyOf('claude', 's1'), keyOf('cursor', 's2'), keyOf('claude', undefined)]).size).toBe(1)
})
