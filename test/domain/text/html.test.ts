import { globSync, readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { attribute, html, undisguised } from '../../../src/domain/text/html.ts'

describe('templates', () => {
  test('escape every text, also within lists and attributes', () => {
    const text = `<img src=x onerror="alert('1')">&`
    const escaped = '&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;'
    expect(html`<p title="${text}">${text}${[text]}</p>`.toString()).toBe(
      `<p title="${escaped}">${escaped}${escaped}</p>`,
    )
    expect(attribute('title', text).toString()).toBe(` title="${escaped}"`)
  })

  test('keep HTML of other templates as it is', () => {
    const entries = ['a', '<b>'].map((each) => html`<i>${each}</i>`)
    expect(html`<p>${entries}</p>`.toString()).toBe('<p><i>a</i><i>&lt;b&gt;</i></p>')
  })

  test('show nothing for what is false or missing, and zero as zero', () => {
    expect(html`[${false}${undefined}${null}${0}${''}]`.toString()).toBe('[0]')
    const attributes = [attribute('hidden', false), attribute('id', undefined), attribute('open', true)]
    expect(html`${attributes}`.toString()).toBe(' open')
  })
})

test('only the module of templates makes HTML, and no page has scripts or styles in it', () => {
  const sources = globSync('src/dashboard/**/*.ts').map((path) => [path, readFileSync(path, 'utf8')] as const)
  expect(sources.length).toBeGreaterThan(20)
  expect(sources.filter(([, text]) => text.includes('new Html(')).map(([path]) => path)).toEqual([])
  const inline = /<script>|<style|\sstyle="|\son[a-z]+="|hx-on|javascript:/
  expect(sources.filter(([, text]) => inline.test(text)).map(([path]) => path)).toEqual([])
})

test('in templates values stand between quotes or tags, never bare in an attribute', () => {
  const templates = globSync('src/dashboard/**/*.ts').filter((path) =>
    readFileSync(path, 'utf8').includes('html`'),
  )
  expect(templates.length).toBeGreaterThan(10)
  expect(templates.filter((path) => /\s[a-z-]+=\$\{/.test(readFileSync(path, 'utf8')))).toEqual([])
})

test('a page shows codes for what hides or turns text; scripts, emoji and fields of forms stay', () => {
  const found = '\u202egnp.exe\u001b[31m\u200b <b> می\u200cخواهم ❤️'
  const page = html`<p title="${found}">${found}</p>
    <textarea name="a">${found}</textarea>`
  expect(undisguised(page).toString()).toBe(
    `<p title="${html`${found}`.toString()}">&lt;U+202E&gt;gnp.exe&lt;U+001B&gt;[31m&lt;U+200B&gt; &lt;b&gt; می\u200cخواهم ❤️</p>
    <textarea name="a">${html`${found}`.toString()}</textarea>`,
  )
})
