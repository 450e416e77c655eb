import { expect, test } from '@jest/globals'
import type { View } from '../../../src/catalog/view.ts'
import { isForSdk, ListTexts } from '../../../src/mcp/direct/list-texts.ts'
import type { ListPage } from '../../../src/mcp/methods/list-results.ts'

function pageOf(name: string, start = 0, era: ListPage['era'] = 'modern'): ListPage {
  const listed = { name, inputSchema: { type: 'object', properties: { any: true } } }
  const item = { server: 'local/s', name, shownAs: name, listed }
  return { list: 'tools', era, found: [item] as unknown as ListPage['found'], start, more: {} }
}

function view(): View {
  return {} as View
}

test('the items of a page are written once for a view', () => {
  const [texts, seen] = [new ListTexts(), view()]
  const first = texts.itemsOf(seen, pageOf('a'))
  expect(texts.itemsOf(seen, pageOf('a'))).toBe(first)
  expect(JSON.parse(`[${first.toString()}]`)).toEqual([
    { name: 'a', inputSchema: { type: 'object', properties: { any: true } } },
  ])
})

test('another view, page or era has its own items', () => {
  const [texts, seen] = [new ListTexts(), view()]
  texts.itemsOf(seen, pageOf('a'))
  expect(texts.itemsOf(view(), pageOf('b')).toString()).toContain('"b"')
  expect(texts.itemsOf(seen, pageOf('c', 1000)).toString()).toContain('"c"')
  expect(texts.itemsOf(seen, pageOf('a', 0, 'legacy')).toString()).toContain('"any":{}')
})

test('an empty page has no items', () => {
  const page = { ...pageOf('a'), found: [] }
  expect(new ListTexts().itemsOf(view(), page).toString()).toBe('')
})

test('the SDK writes lists for older clients whose tools have output that is no object', () => {
  const listed = { name: 'a', inputSchema: { type: 'object' }, outputSchema: { type: 'array' } }
  const found = [{ ...pageOf('a').found[0], listed }] as unknown as ListPage['found']
  expect(isForSdk({ ...pageOf('a', 0, 'legacy'), found })).toBe(true)
  expect(isForSdk({ ...pageOf('a'), found })).toBe(false)
  expect(isForSdk(pageOf('a', 0, 'legacy'))).toBe(false)
})
