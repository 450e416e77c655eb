import { describe, expect, test } from '@jest/globals'
import { inputsOf } from '../../src/dashboard/forms/field-inputs.ts'
import { argumentsOf } from '../../src/dashboard/forms/field-values.ts'
import { fieldsOf } from '../../src/dashboard/forms/schema-fields.ts'

const SCHEMA = {
  type: 'object',
  $defs: { Level: { type: 'string', enum: ['low', 'high'], default: 'high' } },
  properties: {
    title: { type: 'string' },
    body: { type: 'string', description: 'The text' },
    copies: { type: ['integer', 'null'], minimum: 1, maximum: 9 },
    ratio: { type: 'number' },
    urgent: { type: 'boolean' },
    level: { $ref: '#/$defs/Level' },
    tags: { type: 'array', items: { type: 'string' } },
    sizes: { type: 'array', items: { type: 'integer' } },
    entities: { type: 'array', items: { type: 'object' } },
    either: { anyOf: [{ type: 'string' }, { type: 'number' }] },
    place: { type: 'object', properties: { city: { type: 'string' } } },
  },
  required: ['title', 'level'],
}

function form(values: Record<string, string>): URLSearchParams {
  return new URLSearchParams(values)
}

describe('the form of a tool', () => {
  test('has a field of the fitting kind for each property of the schema', () => {
    expect(fieldsOf(SCHEMA).map(({ path, kind, isRequired }) => [path.join('.'), kind, isRequired])).toEqual([
      ['title', 'text', true],
      ['body', 'long', false],
      ['copies', 'integer', false],
      ['ratio', 'number', false],
      ['urgent', 'boolean', false],
      ['level', 'choice', true],
      ['tags', 'lines', false],
      ['sizes', 'lines', false],
      ['entities', 'json', false],
      ['either', 'json', false],
      ['place', 'group', false],
    ])
  })

  test('labels each input, and shows defaults and bounds', () => {
    const shown = inputsOf(fieldsOf(SCHEMA)).toString()
    expect(shown.match(/<label for="arg\//g)).toHaveLength(11)
    expect(shown).toContain('min="1" max="9"')
    expect(shown).toMatch(/<option value="1"\s+selected>\s*high\s*<\/option>/)
    expect(shown).toContain('<legend>place')
  })

  test('gives the arguments that were entered, with their types', () => {
    const entered = form({
      'arg/title': 'Hello',
      'arg/body': 'one\r\ntwo',
      'arg/copies': '3',
      'arg/ratio': '0.5',
      'arg/urgent': 'false',
      'arg/level': '0',
      'arg/tags': 'a\nb\n',
      'arg/sizes': '1\n2',
      'arg/entities': '[{"name":"x"}]',
      'arg/place/city': 'Bern',
    })
    expect(argumentsOf(fieldsOf(SCHEMA), entered)).toEqual({
      arguments: {
        title: 'Hello',
        body: 'one\ntwo',
        copies: 3,
        ratio: 0.5,
        urgent: false,
        level: 'low',
        tags: ['a', 'b'],
        sizes: [1, 2],
        entities: [{ name: 'x' }],
        place: { city: 'Bern' },
      },
      problems: new Map(),
    })
  })

  test('leaves out what is empty, unless it is a required text', () => {
    const entered = form({ 'arg/title': '', 'arg/body': '', 'arg/copies': '', 'arg/place/city': '' })
    expect(argumentsOf(fieldsOf(SCHEMA), entered).arguments).toEqual({ title: '' })
  })

  test('says what it cannot read', () => {
    const entered = form({ 'arg/copies': 'many', 'arg/entities': '[', 'arg/either': '['.repeat(1000) })
    expect([...argumentsOf(fieldsOf(SCHEMA), entered).problems]).toEqual([
      ['arg/copies', 'many is not a number'],
      ['arg/entities', 'This is not valid JSON'],
      ['arg/either', 'The text nests more than 128 levels deep'],
    ])
  })

  test('takes any name of a property as it is', () => {
    const odd = {
      type: 'object',
      properties: { 'a/b "c"': { type: 'string' }, constructor: { type: 'string' } },
    }
    const entered = form({ 'arg/a%2Fb%20%22c%22': '1', 'arg/constructor': '2' })
    expect(argumentsOf(fieldsOf(odd), entered).arguments).toEqual({ 'a/b "c"': '1', constructor: '2' })
  })

  test('is bounded for schemas of strangers: no field without end, none for what refers to itself', () => {
    const many = Object.fromEntries(
      Array.from({ length: 500 }, (_, index) => [`p${index}`, { type: 'string' }]),
    )
    expect(fieldsOf({ properties: many })).toHaveLength(100)
    const node = { type: 'object', properties: { next: { $ref: '#/$defs/Node' } } }
    const depth = inputsOf(fieldsOf({ properties: node.properties, $defs: { Node: node } })).toString()
    expect(depth.match(/<fieldset/g)).toHaveLength(2)
    expect([fieldsOf(undefined), fieldsOf('x'), fieldsOf({ properties: [] })]).toEqual([[], [], []])
  })
})
