import { globSync, readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { parseSync, Visitor } from 'oxc-parser'

interface Text {
  readonly place: string
  readonly text: string
}

/** Words that a reader has to translate, each with what is said instead. */
const UNPLAIN: readonly (readonly [RegExp, string])[] = [
  [/\banew\b/i, 'again'],
  [/\bbe had\b/i, 'is unavailable'],
  [/\bof (?:its|their|your|his) own\b/i, 'separate, own'],
  [/\bleft alone\b/i, 'circuit breaker is open, not changed'],
  [/\bwhatever\b/i, 'any, regardless of'],
  [/\bfor good\b/i, 'permanently'],
  [/\b(?:somebody|nobody)\b/i, 'another caller, no caller'],
  [/\b(?:goes|go) on\b/i, 'continues, stays in use'],
  [/\bbeside\b/i, 'next to, in addition to, together with'],
  [/\b(?:thereof|hitherto|ere)\b/i, 'of it, so far, before'],
  [/\bthere is none\b/i, 'it does not exist'],
  [/\bput aside\b/i, 'quarantined'],
  [/\bwhoever\b/i, 'the caller, the operator, anyone who'],
  // It is part of a path of REST.
  [/(?<!\/)\bpersons\b/i, 'people'],
  [/\blets? go of\b/i, 'released'],
  [/\bgives? way\b/i, 'is closed, evicted'],
  [/\bthrown out\b/i, 'evicted'],
  [/\bstrangers?\b/i, 'a third party, an unknown caller'],
  [/\bhas its say\b/i, 'applies'],
  // "There is no server" and "is no longer" are plain, and so is "is no more than".
  [/(?<!\bthere )\b(?:is|are) no (?!longer\b|more\b)[a-z]/i, 'is not a'],
]

/** Every text of src/ in quotes that has words in it: what a program alone reads is a name without blanks. */
function messagesOf(file: string, source: string): Text[] {
  const found: Text[] = []
  const add = (start: number, text: string): void => {
    const place = `${file}:${source.slice(0, start).split('\n').length}`
    if (/[a-z]\s+\S*[a-z]/i.test(text)) found.push({ place, text })
  }
  new Visitor({
    Literal: ({ value, start }) => {
      if (typeof value === 'string') add(start, value)
    },
    TemplateElement: ({ value, start }) => add(start, value.cooked ?? value.raw),
  }).visit(parseSync(file, source).program)
  return found.filter(({ text }) => !STATES.has(text))
}

/** Values that only the code compares. */
const STATES = new Set(['goes on'])

/** Whole paragraphs, because what is looked for may be broken over two lines, and the rows of tables. */
function paragraphsOf(file: string): Text[] {
  let line = 1
  return readFileSync(file, 'utf8')
    .split(/(?<=\n)(?=\n|\|)/)
    .map((text) => {
      const place = `${file}:${line}`
      line += text.split('\n').length - 1
      return { place, text: text.replaceAll(/\s+/g, ' ') }
    })
}

function unplain(texts: readonly Text[]): string[] {
  return texts.flatMap(({ place, text }) =>
    UNPLAIN.flatMap(([word, better]) => {
      const found = word.exec(text)?.[0]
      return found === undefined ? [] : [`${place} "${found}": ${better}`]
    }),
  )
}

test('a message with an unplain word is found, with its place and what to say instead', () => {
  const source =
    "log.warn('it is left alone')\nfail(`server ${name} cannot be had`)\nfail('the body is no object')"
  expect(unplain(messagesOf('src/planted.ts', source))).toEqual([
    'src/planted.ts:1 "left alone": circuit breaker is open, not changed',
    'src/planted.ts:2 "be had": is unavailable',
    'src/planted.ts:3 "is no o": is not a',
  ])
})

test('messages, settings and errors are in plain words', () => {
  const messages = globSync('src/**/*.ts').flatMap((file) => messagesOf(file, readFileSync(file, 'utf8')))
  expect(messages.length).toBeGreaterThan(1000)
  expect(unplain(messages)).toEqual([])
})

test('the pages of the project are in plain words', () => {
  const pages = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync('docs/*.md')]
  expect(unplain(pages.flatMap(paragraphsOf))).toEqual([])
})
