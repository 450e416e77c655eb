import { expect, test } from '@jest/globals'
import type { Call } from '../../src/calls/call.ts'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import { offer, server, tool } from '../support/offers.ts'
import { authorizing, catalogOf, operation, unroutedCall } from '../support/routing.ts'

const echo = offer({ tools: [tool('echo')], prompts: [{ name: 'greet' }] })

/** What a call that is refused fails with. */
function refusal(catalog: ReturnType<typeof catalogOf>, call: Call): unknown {
  try {
    return authorizing(catalog)(call)
  } catch (error) {
    return error
  }
}

test('an allowed call gets its route and its decision, and starts with the parameters of the caller', () => {
  const call = unroutedCall({ startedAt: 5 })
  const {
    route,
    params,
    askedMs,
    startedAt,
    operation: what,
  } = authorizing(catalogOf([server(), echo]))(call)
  expect(route).toEqual({ server: expect.objectContaining({ name: 'alpha' }), name: 'echo' })
  expect([params, askedMs, startedAt, what]).toEqual([call.operation.params, 0, 5, call.operation])
  expect(call.info).toEqual({ route, decision: { effect: 'allow', ruleId: 'allow' }, instance: undefined })
})

test('parameters are checked after the decision, so that no caller learns more than it may', () => {
  const check = (): never => {
    throw new GatewayError('invalid_arguments')
  }
  const checked = (): Call => unroutedCall({ operation: operation({ check }) })
  const closed = catalogOf([server({ requiredRoles: ['admin'] }), echo])
  expect(refusal(closed, checked())).toMatchObject({ code: 'tool_not_found' })
  const call = checked()
  expect(refusal(catalogOf([server(), echo]), call)).toMatchObject({ code: 'invalid_arguments' })
  expect(call.info).toMatchObject({ route: { name: 'echo' }, decision: { effect: 'allow' } })
})

test.each([
  ['tool', 'tool_not_found'],
  ['prompt', 'prompt_not_found'],
] as const)('answers for a denied %s as for an unknown one; only the call tells them apart', (kind, code) => {
  const catalog = catalogOf([server({ requiredRoles: ['admin'] }), echo])
  const denied = unroutedCall({
    operation: operation({ kind, name: kind === 'tool' ? 'alpha_echo' : 'alpha_greet' }),
  })
  const unknown = unroutedCall({ operation: operation({ kind, name: 'alpha_nope' }) })
  for (const call of [denied, unknown]) expect(refusal(catalog, call)).toMatchObject({ code, facts: {} })
  expect(denied.info.decision?.ruleId).toBe('server-roles')
  expect(unknown.info.decision).toBeUndefined()
})

test('says which server has not answered yet, and that nothing ran', () => {
  const call = unroutedCall()
  expect(refusal(catalogOf([server(), undefined]), call)).toMatchObject({
    code: 'upstream_unavailable',
    message: 'Server alpha has not answered yet',
    facts: { server: 'alpha', mayHaveExecuted: false },
  })
  expect([call.info.decision, call.info.route]).toEqual([{ effect: 'allow', ruleId: 'allow' }, undefined])
})

test('does as much for what is denied as for what does not exist, so that time does not tell them apart', () => {
  const many = Array.from({ length: 50 }, (_each, at) => tool(`t${at}`))
  const catalog = catalogOf(
    [server({ name: 'alpha' }), offer({ tools: many })],
    [server({ name: 'beta', requiredRoles: ['admin'] }), echo],
    [server({ name: 'gamma', tenantId: 'globex' }), echo],
    [server({ name: 'delta', enabled: false }), echo],
  )
  const work = (name: string): string[] => {
    const asked: string[] = []
    const seen = new Proxy(catalog, {
      get: (target, member) => {
        const value: unknown = Reflect.get(target, member, target)
        if (typeof value !== 'function') return value
        return (...given: unknown[]): unknown => {
          asked.push(String(member))
          return Reflect.apply(value, target, given)
        }
      },
    })
    expect(refusal(seen, unroutedCall({ operation: operation({ name }) }))).toMatchObject({
      code: 'tool_not_found',
    })
    // Making the view and comparing its names is what takes time.
    return asked.filter((member) => member === 'viewOf' || member === 'find')
  }
  const unknown = work('omega_echo')
  expect(unknown).toEqual(['find', 'viewOf'])
  for (const name of ['beta_echo', 'gamma_echo', 'delta_echo', 'alpha_none'])
    expect(work(name)).toEqual(unknown)
})

test.each([
  ['alpha_querry', 'Unknown tool: alpha_querry. Did you mean alpha_query1 or alpha_query2?'],
  ['alpha_query', 'Unknown tool: alpha_query'],
  ['alpha_query3', 'Unknown tool: alpha_query3'],
])('of %s it says: %s', (name, message) => {
  const tools = [tool('query1'), tool('query2')]
  const catalog = catalogOf([server(), offer({ tools })])
  const call = unroutedCall({ operation: operation({ name }) })
  expect(refusal(catalog, call)).toMatchObject({ code: 'tool_not_found', message })
})
