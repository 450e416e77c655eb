import { expect, test } from '@jest/globals'
import { parseRegistry } from '../../src/registry/documents/parse.ts'

const STDIO = { transport: 'stdio', command: 'node' }
const GOOD = { ...STDIO, env: { KEY: 'secret://acme_key' } }

test('a document that names a secret of another tenant is quarantined alone, with the reference as the reason', () => {
  const { snapshot } = parseRegistry({
    documents: [
      { id: 'good', value: GOOD },
      { id: 'bad', value: { ...STDIO, env: { KEY: 'secret://globex_key', OTHER: 'canary' } } },
    ],
    defaultTenant: 'acme',
    previous: new Map(),
    generation: 1,
  })
  expect([...snapshot.servers.keys()]).toEqual(['acme/good'])
  expect(snapshot.quarantined).toEqual([
    {
      id: 'bad',
      name: 'bad',
      tenantId: 'acme',
      reason:
        'env.KEY: secret://globex_key may not be used here: a document of tenant acme may use secrets named acme_…',
      lastGoodServes: false,
    },
  ])
})

test('the last good version does not carry the secrets of one tenant to another', () => {
  const first = parseRegistry({
    documents: [{ id: 'a', value: GOOD }],
    defaultTenant: 'acme',
    previous: new Map(),
    generation: 1,
  })
  const moved = { ...GOOD, tenantId: 'globex', command: 5 }
  const { snapshot } = parseRegistry({
    documents: [{ id: 'a', value: moved }],
    defaultTenant: 'acme',
    previous: first.lastGood,
    generation: 2,
  })
  expect(snapshot.servers.size).toBe(0)
  expect(snapshot.quarantined).toMatchObject([{ id: 'a', tenantId: 'globex', lastGoodServes: false }])
})
