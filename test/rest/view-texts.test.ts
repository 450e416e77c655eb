import { describe, expect, test } from '@jest/globals'
import type { View } from '../../src/catalog/view.ts'
import { keptTexts } from '../../src/rest/tool-list.ts'

function view(): View {
  return {} as View
}

/** Texts that note what is written. */
function written(): { ask: (seen: View, form: string, length?: number) => string; forms: string[] } {
  const texts = keptTexts()
  const forms: string[] = []
  const ask = (seen: View, form: string, length = 1): string => {
    const write = (): string => {
      forms.push(form)
      return form.padEnd(length)
    }
    return texts.textOf(seen, form, write).toString()
  }
  return { ask, forms }
}

describe('an answer that is made from a view', () => {
  test('is written once, however often it is asked for', () => {
    const { ask, forms } = written()
    const seen = view()
    for (let times = 0; times < 100; times += 1) expect(ask(seen, 'all')).toBe('all')
    expect(forms).toEqual(['all'])
  })

  test('is another one for another view, and in another form', () => {
    const { ask, forms } = written()
    const seen = view()
    ask(seen, 'a')
    expect(ask(seen, 'b')).toBe('b')
    ask(view(), 'a')
    expect(forms).toEqual(['a', 'b', 'a'])
  })

  test('is written again after eight other forms of the view, which leave those of other views alone', () => {
    const { ask, forms } = written()
    const [one, other] = [view(), view()]
    ask(other, 'kept')
    for (const form of ['0', '1', '2', '3', '4', '5', '6', '7', '8']) ask(one, form)
    forms.length = 0
    ask(other, 'kept')
    ask(one, '8')
    ask(one, '1')
    expect(forms).toEqual([])
    ask(one, '0')
    expect(forms).toEqual(['0'])
  })

  test('gives way when all together would have more than 16 MiB', () => {
    const { ask, forms } = written()
    const [one, other] = [view(), view()]
    ask(one, 'large', 10 * 1024 * 1024)
    ask(other, 'larger', 10 * 1024 * 1024)
    ask(other, 'larger')
    ask(one, 'large')
    expect(forms).toEqual(['large', 'larger', 'large'])
    expect(ask(one, 'too large', 17 * 1024 * 1024)).toHaveLength(17 * 1024 * 1024)
  })
})
