import { expect, test } from '@jest/globals'
import { builtinDefinition } from '../../../src/domain/documents/server-definition.ts'
import type { BuiltinCall, BuiltinServer } from '../../../src/features/builtin/builtin-server.ts'
import { BuiltinServers } from '../../../src/features/builtin/builtin-servers.ts'
import { Catalog } from '../../../src/catalog/catalog.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { offer, principal, server, snapshotOf, tool } from '../../support/offers.ts'
import { OneStage, operation, type OperationFields } from '../../support/routing.ts'
import { silentLogger } from '../../support/silent-logger.ts'

const passedOn = (): JsonObject => ({ passedOn: true })

function gatewayServer(run: (given: BuiltinCall) => Promise<JsonObject>): BuiltinServer {
  return {
    definition: builtinDefinition({
      name: 'gateway',
      tenantId: '*',
      description: 'x',
      tools: { secret: { requiredRoles: ['admin'] } },
    }),
    tools: [
      { definition: tool('greet'), run },
      { definition: tool('secret'), run },
    ],
  }
}

function world(run: (given: BuiltinCall) => Promise<JsonObject> = () => Promise.resolve({ content: [] })): {
  catalog: Catalog
  clock: FakeClock
  builtins: BuiltinServers
  /** Runs a call of the tool `greet` through the stage. */
  run: (fields?: OperationFields) => Promise<JsonObject>
} {
  const clock = new FakeClock()
  const catalog = new Catalog()
  const own = gatewayServer(run)
  const broken = (): never => {
    throw new Error('no')
  }
  const builtins = new BuiltinServers({
    catalog,
    sources: [broken, () => [own]],
    clock,
    logger: silentLogger,
  })
  builtins.applySnapshot(snapshotOf(server()))
  const route = { server: own.definition, name: 'greet' }
  return {
    catalog,
    clock,
    builtins,
    run: (fields = {}) =>
      new OneStage(builtins.stage).run(route, { operation: operation(fields), timeoutMs: 1000 }, passedOn),
  }
}

test('callers see the own servers like others, as far as their roles go, and one source that fails hides nothing', () => {
  const { catalog } = world()
  catalog.setOffer('acme/alpha', offer({ tools: [tool('echo')] }))
  expect(catalog.viewOf(principal()).tools.map(({ shownAs }) => shownAs)).toEqual([
    'alpha_echo',
    'gateway_greet',
  ])
  const { toolsByName, missing, stale } = catalog.viewOf(principal({ roles: ['admin'] }))
  expect([...toolsByName.keys()]).toContain('gateway_secret')
  expect([missing, stale]).toEqual([[], ['alpha']])
})

test('a call of an own tool gets its arguments, and goes no further', async () => {
  const { run } = world(({ arguments: given }) => Promise.resolve({ given }))
  const params = { name: 'gateway_greet', arguments: { a: 1 } }
  expect(await run({ params })).toEqual({ given: { a: 1 } })
})

test('calls of other servers go on', async () => {
  const { builtins } = world()
  const answer = new OneStage(builtins.stage).run({ server: server(), name: 'echo' }, {}, passedOn)
  expect(await answer).toEqual({ passedOn: true })
})

test.each([
  [{ kind: 'resource', method: 'resources/read', name: 'a://b' }, 'resource_not_found'],
  [{ kind: 'prompt', method: 'prompts/get', name: 'p' }, 'prompt_not_found'],
  [{ kind: 'server', method: 'skills/list', name: 'gateway' }, 'method_not_found'],
] as const)('an own server has tools and nothing else: %j', async (fields, code) => {
  const { run } = world()
  await expect(run(fields)).rejects.toMatchObject({ code })
})

test('a call that takes longer than it may ends, and the tool is told', async () => {
  let told: AbortSignal | undefined
  const { run, clock } = world(({ signal }) => {
    told = signal
    return new Promise(() => undefined)
  })
  const answer = run().catch((error: unknown) => error)
  await clock.advance(1000)
  expect(await answer).toMatchObject({
    code: 'upstream_timeout',
    facts: { server: 'gateway', mayHaveExecuted: true },
  })
  expect(told?.aborted).toBe(true)
  expect(clock.pending).toBe(0)
})

test('a caller that goes away ends its call, and the tool is told', async () => {
  let told: AbortSignal | undefined
  const abort = new AbortController()
  const { run } = world(({ signal }) => {
    told = signal
    return new Promise(() => undefined)
  })
  const answer = run({ signal: abort.signal })
  abort.abort()
  await expect(answer).rejects.toMatchObject({ code: 'cancelled' })
  expect(told?.aborted).toBe(true)
})
