import { describe, expect, test } from '@jest/globals'
import type { Caller, CallerClient } from '../../../src/calls/call.ts'
import { isInteractive } from '../../../src/calls/client/interactive.ts'
import { routeOf } from '../../../src/calls/router.ts'
import { needsClient, offer, server, tool } from '../../support/offers.ts'
import { authorizing, caller, catalogOf, operation, unroutedCall } from '../../support/routing.ts'

test.each([
  [undefined, false],
  [{ era: 'legacy', capabilities: {} }, false],
  [{ era: 'legacy', capabilities: { experimental: {}, extensions: {} } }, false],
  [{ era: 'legacy', capabilities: { elicitation: {} } }, true],
  [{ era: 'legacy', capabilities: { sampling: {} } }, true],
  [{ era: 'legacy', capabilities: { roots: { listChanged: true } } }, true],
  [{ era: 'modern', capabilities: { elicitation: {} } }, false],
] as const)('the client %j is interactive: %s', (client, expected) => {
  expect(isInteractive(client)).toBe(expected)
})

describe('what needs an interactive caller', () => {
  const elicitation = { era: 'legacy', capabilities: { elicitation: {} } } as const
  const as = (client: Pick<CallerClient, 'era' | 'capabilities'> | undefined): Caller => ({
    ...caller(),
    ...(client && { client: { ...client, logLevel: undefined, tell: () => undefined } }),
  })
  const offered = offer({
    tools: [tool('ask'), tool('echo')],
    prompts: [{ name: 'ask' }],
    resources: [
      { name: 'one', uri: 'x://1' },
      { name: 'two', uri: 'x://2' },
    ],
    resourceTemplates: [{ name: 'any', uriTemplate: 'y://{id}' }],
    ...needsClient({
      tools: ['ask'],
      prompts: ['ask'],
      resources: ['x://1'],
      resourceTemplates: ['y://{id}'],
    }),
  })
  const catalog = catalogOf([server(), offered])
  const authorized = authorizing(catalog)

  test.each([
    ['tool', 'alpha_ask', undefined],
    ['tool', 'ask', 'alpha'],
    ['prompt', 'alpha_ask', undefined],
    ['resource', 'x://1', undefined],
    ['resource', 'alpha+x://1', undefined],
    ['resource', 'x://1', 'alpha'],
    ['resource', 'y://1', undefined],
    ['resource', 'y://{id}', undefined],
  ] as const)('a %s %s is refused to others before anything is sent', (kind, name, scope) => {
    const call = unroutedCall({ operation: operation({ kind, name, scope }) })
    expect(() => authorized(call)).toThrow(
      expect.objectContaining({
        code: 'client_capability_required',
        facts: { server: 'alpha', mayHaveExecuted: false },
      }),
    )
    expect(call.info).toMatchObject({ decision: { effect: 'allow' }, route: { server: { name: 'alpha' } } })
    const asked = unroutedCall({ caller: as(elicitation), operation: operation({ kind, name, scope }) })
    expect(authorized(asked)).toMatchObject({ route: { server: { name: 'alpha' } } })
  })

  test.each([
    ['tool', 'alpha_echo'],
    ['resource', 'x://2'],
  ] as const)('a %s %s that does not need it is for all', (kind, name) => {
    expect(authorized(unroutedCall({ operation: operation({ kind, name }) }))).toMatchObject({
      route: { server: { name: 'alpha' } },
    })
  })

  test.each([
    ['of the modern era', { era: 'modern', capabilities: { elicitation: {} } }],
    ['without any capability', { era: 'legacy', capabilities: {} }],
    ['with none that a server can use', { era: 'legacy', capabilities: { extensions: { x: {} } } }],
    ['with none that the server is granted', { era: 'legacy', capabilities: { roots: {} } }],
  ] as const)('a client %s is none', (_what, client) => {
    const call = unroutedCall({ caller: as(client), operation: operation({ name: 'alpha_ask' }) })
    expect(() => authorized(call)).toThrow(expect.objectContaining({ code: 'client_capability_required' }))
  })

  test('that is denied is unknown, as ever', () => {
    const closed = catalogOf([server({ requiredRoles: ['admin'] }), offered])
    const call = unroutedCall({ operation: operation({ name: 'alpha_ask' }) })
    expect(() => authorizing(closed)(call)).toThrow(
      expect.objectContaining({ code: 'tool_not_found', facts: {} }),
    )
  })

  test('leaves a URI to the next server that offers it to all', () => {
    const read = operation({ action: 'read', kind: 'resource', name: 'x://1' })
    const free = offer({ resources: [{ name: 'one', uri: 'x://1' }] })
    const two = catalogOf([server(), offered], [server({ name: 'beta' }), free])
    expect(routeOf(as(undefined), read, two)).toMatchObject({ route: { server: { name: 'beta' } } })
    expect(routeOf(as(elicitation), read, two)).toMatchObject({ route: { server: { name: 'alpha' } } })
  })
})
