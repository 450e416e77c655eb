import { describe, expect, test } from '@jest/globals'
import { isForModels, uiResourcesOf, withUiResources } from '../../src/catalog/ui-tools.ts'

const NESTED = { name: 'a', _meta: { ui: { resourceUri: 'ui://1', visibility: ['app'] }, x: 1 } }
const FLAT = { name: 'b', _meta: { 'ui/resourceUri': 'ui://2' } }
const BOTH = { name: 'c', _meta: { ui: { resourceUri: 'ui://3' }, 'ui/resourceUri': 'ui://3' } }
const OTHERS = [
  { name: 'd' },
  { name: 'e', _meta: null },
  { name: 'f', _meta: { ui: 'ui://4' } },
  { name: 'g', _meta: { ui: { resourceUri: 'https://example.com' }, 'ui/resourceUri': 5 } },
]

test('the resource that shows a tool is found in both places where tools name it', () => {
  expect([NESTED, FLAT, BOTH, ...OTHERS].map(uiResourcesOf)).toEqual([
    ['ui://1'],
    ['ui://2'],
    ['ui://3'],
    [],
    [],
    [],
    [],
  ])
})

describe('renaming the resource that shows a tool', () => {
  const rename = (uri: string): string => uri.replace('ui://', 'ui://s+')

  test('changes the name in both places, and nothing else', () => {
    const before = structuredClone([NESTED, FLAT, BOTH])
    expect([NESTED, FLAT, BOTH].map((tool) => withUiResources(tool, rename))).toEqual([
      { name: 'a', _meta: { ui: { resourceUri: 'ui://s+1', visibility: ['app'] }, x: 1 } },
      { name: 'b', _meta: { 'ui/resourceUri': 'ui://s+2' } },
      { name: 'c', _meta: { ui: { resourceUri: 'ui://s+3' }, 'ui/resourceUri': 'ui://s+3' } },
    ])
    expect([NESTED, FLAT, BOTH]).toEqual(before)
  })

  test('gives the same object back where nothing changes', () => {
    for (const tool of OTHERS) expect(withUiResources(tool, rename)).toBe(tool)
    expect(withUiResources(NESTED, (uri) => uri)).toBe(NESTED)
  })
})

test.each([
  [undefined, true],
  [['model', 'app'], true],
  [['model'], true],
  ['app', true],
  [['app'], false],
  [[], false],
])('a tool with the visibility %j is for models: %s', (visibility, expected) => {
  expect(isForModels({ name: 'a', _meta: { ui: { visibility } } })).toBe(expected)
})
