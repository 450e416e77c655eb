import { describe, expect, test } from '@jest/globals'
import { Catalog } from '../../../src/catalog/catalog.ts'
import { withModelTexts } from '../../../src/catalog/shaping/model-texts.ts'
import { modelText } from '../../../src/domain/text/model-text.ts'
import { visible } from '../../../src/domain/text/visible.ts'
import { offer, principal, server, snapshotOf, tool } from '../../support/offers.ts'

const tags = Array.from('ignore')
  .map((each) => String.fromCodePoint(0xe0000 + each.charCodeAt(0)))
  .join('')
const smuggled =
  '😀' +
  Array.from('ignore')
    .map((each) => String.fromCodePoint(0xe0100 + each.charCodeAt(0)))
    .join('')

describe('a text for models', () => {
  test.each([
    ['control characters', 'a\u0000b\u001b[31m\u009bc', 'ab[31mc'],
    ['characters that turn the direction', 'a\u202eb\u2066c\u200f', 'abc'],
    ['tag characters', `Reads a file.${tags}`, 'Reads a file.'],
    ['zero-width characters', 'a\u200bb\ufeffc\u2060', 'abc'],
    ['texts in variation selectors', smuggled, '😀'],
    ['more than one variation selector', '\u2764\ufe0f\ufe0e\ufe0f', '\u2764\ufe0f'],
  ])('has no %s', (_what, text, expected) => {
    expect(modelText(text, 100)).toBe(expected)
  })

  test.each([
    ['line breaks and tabs', 'a\n\tb\r\n'],
    ['emoji with joiners', '👩‍👩‍👧 ❤️'],
    ['scripts that need joiners', 'می‌خواهم क्‍ष'],
    ['accents and letters of every script', 'e\u0301 ß 漢字 שלום'],
  ])('keeps %s', (_what, text) => {
    expect(modelText(text, 100)).toBe(text)
  })

  test('is cut, and never within a character', () => {
    expect(modelText('abcdef', 4)).toBe('abc…')
    expect(modelText('ab😀def', 4)).toBe('ab…')
  })
})

test('a person sees every character that a model reads', () => {
  expect(visible(`a\u202eb\u0000c\n${tags.slice(0, 2)}\u3164`)).toBe('a<U+202E>b<U+0000>c\n<U+E0069><U+3164>')
})

describe('a definition', () => {
  const hidden = 'x\u202e'

  test('has clean texts wherever models read them, and every value as it was', () => {
    const given = {
      name: 'n',
      title: hidden,
      description: hidden,
      annotations: { title: hidden },
      inputSchema: {
        type: 'object',
        properties: {
          description: {
            type: 'string',
            description: hidden,
            default: { description: hidden },
            enum: [hidden],
          },
        },
        anyOf: [{ title: hidden }],
      },
      _meta: { description: hidden },
    }
    expect(withModelTexts(given)).toEqual({
      ...given,
      title: 'x',
      description: 'x',
      annotations: { title: 'x' },
      inputSchema: {
        type: 'object',
        properties: {
          description: { type: 'string', description: 'x', default: { description: hidden }, enum: [hidden] },
        },
        anyOf: [{ title: 'x' }],
      },
    })
  })

  test('without anything hidden is passed on as it is', () => {
    const given = tool('a', { description: 'a\n\nb', annotations: { title: 'A' } })
    expect(withModelTexts(given)).toBe(given)
  })

  test('is shown to callers clean, under a clean name, and to operators as a problem', () => {
    const catalog = new Catalog()
    const definition = server()
    catalog.applySnapshot(snapshotOf(definition))
    catalog.setOffer(
      'acme/alpha',
      offer({ tools: [tool(`read${hidden}`, { description: hidden })], instructions: hidden }),
    )
    const view = catalog.viewOf(principal(), 'alpha')
    expect(view.tools.map(({ listed }) => listed)).toMatchObject([{ name: 'readx', description: 'x' }])
    expect(view.instructions).toBe('x')
    expect(catalog.catalogOf(definition)?.problems).toEqual([
      'tool readx<U+202E>: its texts are longer than clients should get, or have hidden characters',
    ])
  })
})
