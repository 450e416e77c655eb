import { describe, expect, test } from '@jest/globals'
import { problems } from './plans.ts'

const READ = { id: 'read', tool: 'files_read' }

const argument = (text: unknown): string[] =>
  problems([
    READ,
    { id: 'write', tool: 'files_write', arguments: { text } },
    { id: 'last', tool: 'files_read' },
  ])

describe('an expression is refused with its place', () => {
  test.each([
    ['${steps.read.text', 'steps[1].arguments.text: a ${ is not closed by a }'],
    ['${steps..text}', 'steps[1].arguments.text: not a JMESPath expression: unexpected token: .(Dot)'],
    ['${steps.last.text}', 'steps[1].arguments.text: steps.last: the step does not come before this one'],
    ['${steps.write.text}', 'steps[1].arguments.text: steps.write: the step does not come before this one'],
    ['${steps.other.text}', 'steps[1].arguments.text: steps.other: unknown step'],
    ['${steps}', 'steps[1].arguments.text: expected a step id after "steps."'],
    ['${text}', 'steps[1].arguments.text: text is unknown; expected one of input, steps'],
    ['${item}', 'steps[1].arguments.text: item is unknown; expected one of input, steps'],
    ['${@}', 'steps[1].arguments.text: expected one of input, steps first'],
    ['${*.text}', 'steps[1].arguments.text: expected one of input, steps first'],
    ['${$.input}', 'steps[1].arguments.text: $ and let are not supported'],
    ['${let $a = input in $a}', 'steps[1].arguments.text: $ and let are not supported'],
    ['${input.constructor}', 'steps[1].arguments.text: constructor is not allowed as a field name'],
    ['${input.a.__proto__}', 'steps[1].arguments.text: __proto__ is not allowed as a field name'],
    ["${pad_left('a', `9`)}", 'steps[1].arguments.text: unknown function pad_left'],
    ['${exec(input)}', 'steps[1].arguments.text: unknown function exec'],
    ['${join(input.a, input.b)}', 'steps[1].arguments.text: join: the separator must be a string literal'],
    [
      '${contains(input.a, input.b)}',
      'steps[1].arguments.text: contains: the search string must be a string literal',
    ],
    [
      `\${find_last(input.a, '${'x'.repeat(65)}')}`,
      'steps[1].arguments.text: find_last: the search string must be a string literal',
    ],
    ['${trim(input.a)}', 'steps[1].arguments.text: unknown function trim'],
    [
      `\${${'[input.a, input.a] | '.repeat(6)}[0]}`,
      'steps[1].arguments.text: the expression may multiply its input beyond the size limit',
    ],
    [`\${${'!'.repeat(999)}input.a}`, 'steps[1].arguments.text: an expression has at most 1000 characters'],
  ])('%s', (text, problem) => {
    expect(argument(text)[0]).toBe(problem)
  })

  test('in lists and objects of any depth', () => {
    expect(argument({ a: [1, { b: '${steps.nope}' }] })).toEqual([
      'steps[1].arguments.text.a[1].b: steps.nope: unknown step',
    ])
  })

  test('in a condition, a list to go through, a default and the output', () => {
    const step = { ...READ, when: 'steps.a', forEach: 'item', onError: 'default', default: '${b}' }
    expect(problems([step], { output: { text: '${steps.c.text}' } })).toEqual([
      'steps[0].when: steps.a: unknown step',
      'steps[0].forEach: item is unknown; expected one of input, steps',
      'steps[0].default: b is unknown; expected one of input, steps, item, index',
      'output.text: steps.c: unknown step',
    ])
  })

  test('where it names an input that the schema does not have, if the schema names any', () => {
    const steps = [{ ...READ, arguments: { path: '${input.pth}' } }]
    const inputSchema = { type: 'object', properties: { path: { type: 'string' } } }
    expect(problems(steps, { inputSchema })).toEqual([
      'steps[0].arguments.path: input.pth: inputSchema has no such property',
    ])
    expect(problems(steps, { inputSchema: { ...inputSchema, additionalProperties: true } })).toEqual([])
    expect(problems(steps)).toEqual([])
  })
})

test.each([
  "${input.files[?size > `10` && ends_with(name, '.ts')].name | join(', ', @)}",
  '${steps.read.data.entries[*].{path: name, big: size > `5`}}',
  "${input.a == 'x' ? input.b : steps.read.text || 'none'}",
  '${map(&name, input.files)[0]}',
  'a {b} $c $${input.nope} ${input."odd-name"}',
  "${contains(['}', '{'], input.a)}",
  "${contains(input.list, 'x') && find_first(input.text, 'y') > `0` && contains(input.numbers, `1`)}",
])('%s is right', (text) => {
  expect(argument(text)).toEqual([])
})

describe('a document is refused that', () => {
  const refusal = (steps: readonly object[]): string => {
    try {
      problems(steps)
      return 'right'
    } catch (error) {
      return (error as Error).message
    }
  }
  test.each([
    ['has neither tool nor enhance', [{ id: 'a' }], 'give either tool or enhance'],
    ['has a step twice', [READ, READ], 'another step has this id'],
    ['has a default without a use for it', [{ ...READ, default: 1 }], 'requires onError: default'],
    ['has a use for a default without one', [{ ...READ, onError: 'default' }], 'requires onError: default'],
    ['has a field that there is not', [{ ...READ, loop: 1 }], 'loop'],
    ['has no steps', [], 'expected array to have'],
  ])('%s', (_what, steps, text) => {
    expect(refusal(steps)).toContain(text)
  })
})
