import { beforeEach, expect, test } from '@jest/globals'
import { Catalog } from '../../src/catalog/catalog.ts'
import { ViewWatch } from '../../src/catalog/view-watch.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { needsClient, offer, principal, server, snapshotOf, tool } from '../support/offers.ts'

let clock: FakeClock
let catalog: Catalog
let watch: ViewWatch

beforeEach(() => {
  clock = new FakeClock()
  catalog = new Catalog()
  catalog.applySnapshot(
    snapshotOf(server({ name: 'alpha' }), server({ name: 'beta', requiredRoles: ['writer'] })),
  )
  watch = new ViewWatch({ catalog, clock, coalesceMs: 25 })
})

function notices(roles: string[], scope?: string): string[][] {
  const heard: string[][] = []
  watch.watch(principal({ roles }), scope, (kinds) => heard.push([...kinds]))
  return heard
}

test('a burst of changes is one notice, with the kinds that changed', async () => {
  const heard = notices([])
  catalog.setOffer('acme/alpha', offer({ tools: [tool('a')] }))
  catalog.setOffer('acme/alpha', offer({ tools: [tool('a'), tool('b')], prompts: [{ name: 'p' }] }))
  await clock.advance(24)
  expect(heard).toEqual([])
  await clock.advance(1)
  expect(heard).toEqual([['tools', 'prompts']])
})

test('only those whose view changed hear of it', async () => {
  const reader = notices([])
  const writer = notices(['writer'])
  const scoped = notices(['writer'], 'alpha')
  catalog.setOffer('acme/beta', offer({ tools: [tool('b')] }))
  await clock.advance(25)
  expect([reader, writer, scoped]).toEqual([[], [['tools']], []])
})

test('an equal list, a server that goes down, and a change that is taken back are no change', async () => {
  catalog.setOffer('acme/alpha', offer({ tools: [tool('a')] }))
  await clock.advance(25)
  const heard = notices([])
  catalog.setOffer('acme/alpha', offer({ tools: [tool('a')] }))
  catalog.setAvailable('acme/alpha', true)
  await clock.advance(25)
  catalog.setOffer('acme/alpha', offer({ tools: [] }))
  catalog.setOffer('acme/alpha', offer({ tools: [tool('a')] }))
  await clock.advance(25)
  expect(heard).toEqual([])
})

test('templates count as resources', async () => {
  const heard = notices([])
  catalog.setOffer('acme/alpha', offer({ resourceTemplates: [{ uriTemplate: 'x://{a}', name: 't' }] }))
  await clock.advance(25)
  expect(heard).toEqual([['resources']])
})

test('what only interactive callers see changes for them alone', async () => {
  const heard: string[] = []
  const watchAs = (who: string, isInteractive: boolean): void =>
    void watch.watch(principal(), undefined, () => heard.push(who), { isInteractive: () => isInteractive })
  watchAs('asked', true)
  watchAs('unasked', false)
  catalog.setOffer('acme/alpha', offer({ tools: [tool('a')], ...needsClient({ tools: ['a'] }) }))
  await clock.advance(25)
  expect(heard).toEqual(['asked'])
})

test('an item that only becomes free for all is new to those who did not see it', async () => {
  const needed = needsClient({ prompts: ['p'] })
  catalog.setOffer('acme/alpha', offer({ prompts: [{ name: 'p' }], ...needed }))
  await clock.advance(25)
  const heard = notices([])
  catalog.setOffer('acme/alpha', offer({ prompts: [{ name: 'p' }] }))
  await clock.advance(25)
  expect(heard).toEqual([['prompts']])
})

test('other instructions, or another time to live, are no change', async () => {
  const heard = notices([])
  catalog.setOffer('acme/alpha', offer({ instructions: 'be brief', ttlMs: { tools: 5 } }))
  await clock.advance(25)
  expect(heard).toEqual([])
})

test('a resource that has to be shown under another URI is a change', async () => {
  catalog.setOffer('acme/beta', offer({ resources: [{ uri: 'x://1', name: 'one' }] }))
  await clock.advance(25)
  const writer = notices(['writer'])
  const scoped = notices(['writer'], 'beta')
  catalog.setOffer('acme/alpha', offer({ resources: [{ uri: 'x://1', name: 'one' }] }))
  await clock.advance(25)
  expect([writer, scoped]).toEqual([[['resources']], []])
})

test('nobody hears anything after unwatching or after the end', async () => {
  const heard: unknown[] = []
  const unwatch = watch.watch(principal(), undefined, (kinds) => heard.push(kinds))
  watch.watch(principal(), undefined, (kinds) => heard.push(kinds))
  unwatch()
  catalog.setOffer('acme/alpha', offer({ tools: [tool('a')] }))
  watch.close()
  await clock.advance(100)
  expect(heard).toEqual([])
  expect(clock.pending).toBe(0)
})
