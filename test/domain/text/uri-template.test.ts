import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { compileUriTemplate } from '../../../src/domain/text/uri-template.ts'

describe('a URI template', () => {
  test.each([
    ['demo://a', 'demo://a', true],
    ['demo://a', 'demo://ab', false],
    ['demo://{id}', 'demo://1', true],
    ['demo://{id}', 'demo://', false],
    ['demo://{id}', 'demo://1/2', false],
    ['demo://{id}/x', 'demo://1/x', true],
    ['demo://{id}/x', 'demo://1/y', false],
    ['demo://{a}/{b}', 'demo://1/2', true],
    ['demo://{a}/{b}', 'demo://1/2/3', false],
    ['file:///{+path}', 'file:///a/b/c.txt', true],
    ['file://{/path*}', 'file:///a/b', true],
    ['demo://x{?q}', 'demo://x?q=1/2', true],
    ['demo://x{#f}', 'demo://x#a', true],
    ['{a}{b}', 'xy', true],
    ['{scheme}://x', 'demo://x', true],
    ['other://{id}', 'demo://1', false],
  ])('%s on %s: %j', (template, uri, result) => {
    expect(compileUriTemplate(template)(uri)).toBe(result)
  })

  test('matches what it makes of plain values', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,8}$/)
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 4 }), (parts) => {
        const template = parts.map(([literal], index) => `/${literal}/{v${index}}`).join('')
        const uri = parts.map(([literal, value]) => `/${literal}/${value}`).join('')
        return compileUriTemplate(template)(uri)
      }),
    )
  })

  test('made to be slow is not', () => {
    const start = performance.now()
    expect(compileUriTemplate(`${'{a}x'.repeat(60)}y`)('x'.repeat(10_000))).toBe(false)
    expect(performance.now() - start).toBeLessThan(20_000)
  })
})
