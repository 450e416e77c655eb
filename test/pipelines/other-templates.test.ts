import { expect, test } from '@jest/globals'
import { otherTemplates } from '../../src/pipelines/other-templates.ts'
import { pipeline } from './plans.ts'

function warnings(text: unknown): string[] {
  return otherTemplates(pipeline([{ id: 'a', tool: 'files_read', arguments: { text } }]))
}

test.each([
  ['{{ input.month }}', 'input.month'],
  ['{{steps.a.text}}', 'steps.a.text'],
  ['Report of {{ item }}', 'item'],
  ['{{ index }}', 'index'],
  ['{{ steps["a"].data | length }}', 'steps["a"].data | length'],
])('%s seems to be meant as an expression', (text, expression) => {
  const [written] = /\{\{.*\}\}/.exec(text) ?? []
  expect(warnings(text)).toEqual([
    `steps[0].arguments.text: ${written} is taken as it is; an expression is written \${${expression}}`,
  ])
})

test.each([
  'Dear {{ name }}, {{#if premium}}hello{{/if}}',
  '{{ inputs.x }}',
  '{{ items }}',
  '{{ input }',
  '{ "a": { "input": {} } }',
  '${{input: input.x}}',
  '${input.x}',
  '',
])('%s may be what a tool wants', (text) => {
  expect(warnings(text)).toEqual([])
})

test('such texts are found in every template of a pipeline, with their places', () => {
  const text = '{{ input.x }}'
  const rest = `${text} is taken as it is; an expression is written \${input.x}`
  const steps = [
    { id: 'a', tool: 'files_read', arguments: { list: [{ deep: text }] }, onError: 'default', default: text },
    { id: 'b', enhance: { prompt: text } },
  ]
  expect(otherTemplates(pipeline(steps, { output: { sum: text } }))).toEqual([
    `steps[0].arguments.list[0].deep: ${rest}`,
    `steps[0].default: ${rest}`,
    `steps[1].enhance.prompt: ${rest}`,
    `output.sum: ${rest}`,
  ])
})

test('a pipeline has at most twenty such warnings', () => {
  expect(warnings(Array.from({ length: 100 }, () => '{{ item }}'))).toHaveLength(20)
})
