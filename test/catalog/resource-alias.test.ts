import { describe, expect, test } from '@jest/globals'
import { aliasOf, contentsUnder, splitAlias, updateUnder } from '../../src/catalog/resource-alias.ts'

describe('an alias', () => {
  test.each([
    ['file:///a', 'memory+file:///a'],
    ['x://{id}', 'memory+x://{id}'],
    ['git+https://x', 'memory+git+https://x'],
    ['ui://app/view.html', 'ui://memory+app/view.html'],
    ['ui://git+x', 'ui://memory+git+x'],
  ])('of %s leads back to it, and keeps the scheme of what hosts show', (uri, alias) => {
    expect(aliasOf('memory', uri)).toBe(alias)
    expect(splitAlias(alias)).toEqual({ serverName: 'memory', uri })
  })

  test('of a resource that hosts show may be written like any other', () => {
    expect(splitAlias('memory+ui://app')).toEqual({ serverName: 'memory', uri: 'ui://app' })
  })

  test.each([
    '',
    '+x',
    'memory+',
    'ui://memory+',
    'Memory+x://1',
    'x://memory+1',
    '9a+x://1',
    'ui:///a+b',
    'a b+x',
  ])('%j is none', (uri) => {
    expect(splitAlias(uri)).toBeUndefined()
  })
})

describe('the contents of a resource', () => {
  const contents = [
    { uri: 'x://1', text: 'one', _meta: { uri: 'x://1' } },
    { uri: 'x://1/part' },
    null,
    'x://1',
  ]
  const result = { contents, ttlMs: 5 }

  test('are shown under the URI that the caller used; nothing else is touched', () => {
    const before = structuredClone(result)
    expect(contentsUnder(result, 'x://1', 'beta+x://1')).toEqual({
      contents: [
        { uri: 'beta+x://1', text: 'one', _meta: { uri: 'x://1' } },
        { uri: 'x://1/part' },
        null,
        'x://1',
      ],
      ttlMs: 5,
    })
    expect(result).toEqual(before)
  })

  test("are the same object where the caller used the server's own URI, or there are none", () => {
    expect(contentsUnder(result, 'x://1', 'x://1')).toBe(result)
    const none = { resultType: 'input_required' }
    expect(contentsUnder(none, 'x://1', 'beta+x://1')).toBe(none)
  })
})

describe('the notice of an update', () => {
  test.each([
    ['x://1', 'beta+x://1', 'beta+x://1'],
    ['x://1/part', 'beta+x://1', 'beta+x://1/part'],
    ['ui://app', 'beta+ui://app', 'beta+ui://app'],
  ])('of %s to a subscriber of %s names %s', (uri, used, shown) => {
    const own = used.slice('beta+'.length)
    expect(updateUnder({ uri, x: 1 }, own, used)).toEqual({ uri: shown, x: 1 })
  })

  test('is the same object for a subscriber of the own URI, and without a URI', () => {
    const own = { uri: 'x://1/part' }
    expect(updateUnder(own, 'x://1', 'x://1')).toBe(own)
    const odd = { uri: 5 }
    expect(updateUnder(odd, 'x://1', 'beta+x://1')).toBe(odd)
  })
})
