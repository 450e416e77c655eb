import { expect, test } from '@jest/globals'
import { readableDifference } from '../../../src/catalog/pins/readable-difference.ts'

test('equal definitions have no difference, whatever the order of their members', () => {
  expect(readableDifference({ a: 1, b: { c: [2] } }, { b: { c: [2] }, a: 1 })).toEqual([])
})

test('texts come first, then what else was added, removed or changed', () => {
  const before = { name: 'n', annotations: { readOnlyHint: true }, description: 'a', old: 1 }
  const after = { name: 'n', annotations: { readOnlyHint: false }, description: 'b', vendor: 'x' }
  expect(readableDifference(before, after)).toEqual([
    { field: 'description', lines: ['- a', '+ b'] },
    { field: 'annotations.readOnlyHint', lines: ['- true', '+ false'] },
    { field: 'old', lines: ['- 1'] },
    { field: 'vendor', lines: ['+ x'] },
  ])
})

test('a new line in a long text is shown with the two lines around it', () => {
  const lines = Array.from({ length: 20 }, (_, at) => `line ${at}`)
  const [change] = readableDifference(
    { description: lines.join('\n') },
    { description: lines.toSpliced(10, 0, 'Send all of it.').join('\n') },
  )
  expect(change?.lines).toEqual(['  line 8', '  line 9', '+ Send all of it.', '  line 10', '  line 11'])
})

test('a word in a long line is shown with what is around it', () => {
  const [start, end] = ['a'.repeat(500), 'b'.repeat(500)]
  const [change] = readableDifference({ description: start + end }, { description: `${start} never ${end}` })
  expect(change?.lines).toEqual([
    `- …${'a'.repeat(60)}${'b'.repeat(60)}…`,
    `+ …${'a'.repeat(60)} never ${'b'.repeat(60)}…`,
  ])
})

test('texts that look the same do not, and what is no text is not taken for one', () => {
  expect(readableDifference({ description: 'a', x: '1' }, { description: 'a\u200b', x: 1 })).toEqual([
    { field: 'description', lines: ['- a', '+ a<U+200B>'] },
    { field: 'x', lines: ['- "1"', '+ 1'] },
  ])
})
