import { expect, test } from '@jest/globals'
import { subscribeAll } from '../../../src/mcp/methods/listen-subscriptions.ts'
import { eventually } from '../../support/eventually.ts'
import { answeredCalls, caller } from '../../support/routing.ts'

type Run = Parameters<typeof answeredCalls>[0]

const uris = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)

function listen(
  resourceSubscriptions: string[],
  run: Run,
  { tenantId = 'acme', signal = new AbortController().signal } = {},
): ReturnType<typeof subscribeAll> {
  return subscribeAll(answeredCalls(run), {
    caller: caller({ tenantId }),
    scope: undefined,
    request: { params: { notifications: { resourceSubscriptions } } },
    signal,
    onUpdated: () => undefined,
  })
}

test('a listen makes at most ten subscriptions in a turn of the event loop, and has ten under way', async () => {
  const began: number[] = []
  let turn = 0
  let [underWay, most] = [0, 0]
  const count = (): void => {
    turn += 1
    clock = setImmediate(count)
  }
  let clock = setImmediate(count)
  const run: Run = async () => {
    began[turn] = (began[turn] ?? 0) + 1
    most = Math.max(most, (underWay += 1))
    await Promise.resolve()
    underWay -= 1
    return {}
  }
  await listen(uris('x:', 100), run)
  clearImmediate(clock)
  expect(began.reduce((sum, each) => sum + each, 0)).toBe(100)
  expect([Math.max(...Object.values(began)), most]).toEqual([10, 10])
})

test('a tenant with one subscription does not wait for those of another', async () => {
  const made: string[] = []
  const run: Run = ({ operation }) => {
    made.push(operation.name)
    return {}
  }
  const many = ['a:', 'b:', 'c:'].map((prefix) => listen(uris(prefix, 100), run))
  await listen(['mine'], run, { tenantId: 'beta' })
  expect(made.length).toBeLessThanOrEqual(20)
  await Promise.all(many)
  expect(made).toHaveLength(301)
})

test('a listen makes 200 subscriptions at most, and acknowledges no further one', async () => {
  let made = 0
  const { uris: accepted } = await listen(uris('x:', 1000), () => {
    made += 1
    return {}
  })
  expect([made, accepted]).toEqual([200, uris('x:', 200)])
})

test('a listen whose client is gone makes no further subscription, and waits for those under way', async () => {
  const gone = new AbortController()
  const held: (() => void)[] = []
  const run: Run = () => new Promise((resolve) => held.push(() => resolve({})))
  let isOver = false
  const over = listen(uris('x:', 100), run, { signal: gone.signal }).then(() => (isOver = true))
  await eventually(() => held.length === 10)
  gone.abort()
  for (const end of held.slice(1)) end()
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  expect([held.length, isOver]).toEqual([10, false])
  held[0]?.()
  await over
  expect(held).toHaveLength(10)
})
