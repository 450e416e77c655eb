import { expect, test } from '@jest/globals'
import { buildServerCatalog, type ServerCatalog } from '../../src/catalog/server-catalog.ts'
import type { NamedItem } from '../../src/upstream/discovery/listing.ts'
import { offer, server, tool } from '../support/offers.ts'

const COUNT = 500

function templates(from: number): NamedItem[] {
  return Array.from({ length: COUNT }, (_, at) => ({ name: 't', uriTemplate: `x://${from + at}/{a}` }))
}

test('each earlier template is looked at a few times, however many there are, and those that stay are kept', () => {
  const first = buildServerCatalog(server(), offer({ resourceTemplates: templates(0) }), undefined)
  let reads = 0
  const counted = first.templates.map(
    (item) =>
      new Proxy(item, {
        get: (target, member, receiver) => {
          reads += 1
          return Reflect.get(target, member, receiver) as unknown
        },
      }),
  )
  const previous: ServerCatalog = { ...first, templates: counted }
  const later = buildServerCatalog(server(), offer({ resourceTemplates: templates(COUNT / 2) }), previous)
  expect(reads).toBeLessThanOrEqual(2 * COUNT)
  expect(later.templates).toHaveLength(COUNT)
  expect(later.templates.slice(0, COUNT / 2).every((item, at) => item === counted[at + COUNT / 2])).toBe(true)
  expect(later.templates[COUNT - 1]?.name).toBe('x://749/{a}')
})

test('all tools that name one resource of an app are known with it, in the order of the list', () => {
  const app = { ui: { resourceUri: 'ui://a/b' } }
  const tools = Array.from({ length: 10_000 }, (_, at) => tool(`t${at}`, { _meta: app }))
  const { uiResources } = buildServerCatalog(server(), offer({ tools }), undefined)
  expect([...uiResources.keys()]).toEqual(['ui://a/b'])
  expect(uiResources.get('ui://a/b')).toEqual(tools.map(({ name }) => name))
})
