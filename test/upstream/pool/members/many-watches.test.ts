import { expect, test } from '@jest/globals'
import { upstreamError } from '../../fake-connection.ts'
import { readyWorld, server, type World } from '../../world.ts'

/** Watches a resource for a principal; resolves with what ends that, or with the error. */
function watch(made: World, uri: string, principal = 'm'): Promise<(() => void) | undefined> {
  const options = { signal: undefined, deadlineAt: made.clock.monotonic() + 1000 }
  return made.upstreams
    .poolFor(server(), '')
    .watchResource(uri, () => undefined, { ...options, owner: { tenant: 'acme', principal } })
}

test('a subscription is asked for and ended without the others, however many there are', async () => {
  const made = await readyWorld()
  const { connection, clock } = made
  const releases = [await watch(made, 'a://1'), await watch(made, 'a://2'), await watch(made, 'a://3')]
  releases[1]?.()
  await clock.advance(0)
  connection.agree = (uris) =>
    uris.has('bad://1') ? Promise.reject(upstreamError(-32_002)) : Promise.resolve()
  await expect(watch(made, 'bad://1')).rejects.toMatchObject({ code: 'upstream_error' })
  await clock.advance(0)
  expect(connection.watchChanges).toEqual([
    { added: ['a://1'], removed: [] },
    { added: ['a://2'], removed: [] },
    { added: ['a://3'], removed: [] },
    { added: [], removed: ['a://2'] },
    { added: ['bad://1'], removed: [] },
    { added: [], removed: ['bad://1'] },
  ])
})

test('a principal has 4,000 subscriptions at one server at most, whatever others have', async () => {
  const made = await readyWorld()
  const [release] = await Promise.all(
    Array.from({ length: 4000 }, (_, index) => watch(made, `a://${index % 5}`)),
  )
  const refusal = {
    code: 'invalid_arguments',
    message: 'At one server a principal has at most 4000 subscriptions',
  }
  await expect(watch(made, 'a://1')).rejects.toMatchObject(refusal)
  expect(await watch(made, 'a://1', 'other')).toEqual(expect.any(Function))
  release?.()
  release?.()
  expect(await watch(made, 'a://1')).toEqual(expect.any(Function))
  await expect(watch(made, 'a://1')).rejects.toMatchObject(refusal)
})
