import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { fieldsAt, nearestName } from '../../../src/domain/documents/field-names.ts'

const FIELDS = ['args', 'command', 'env', 'requiredRoles', 'timeoutMs', 'tools', 'transport', 'url']

test.each([
  ['argz', 'args'],
  ['requiredRole', 'requiredRoles'],
  ['required_roles', 'requiredRoles'],
  ['REQUIREDROLES', 'requiredRoles'],
  ['commnad', 'command'],
  ['timeout', 'timeoutMs'],
  ['cmd', 'command'],
  ['environment', 'env'],
  ['type', 'transport'],
  ['roles', 'requiredRoles'],
])('by %s %s was meant', (name, meant) => {
  expect(nearestName(name, FIELDS)).toBe(meant)
})

test.each(['url', 'x', 'banana', 'constructor', '', 'a'.repeat(10_000)])(
  'by %j nothing else was meant',
  (name) => {
    expect(nearestName(name, FIELDS)).toBeUndefined()
  },
)

test('the fields at a path are those of all alternatives there', () => {
  const entry = z.strictObject({ a: z.string(), b: z.number().optional() })
  const schema = z.union([
    z.strictObject({ list: z.array(entry).default([]) }),
    z.strictObject({
      map: z
        .unknown()
        .pipe(z.record(z.string(), z.union([z.string(), entry])))
        .optional(),
    }),
  ])
  expect(fieldsAt(schema, [])).toEqual(['list', 'map'])
  expect(fieldsAt(schema, ['list', 5])).toEqual(['a', 'b'])
  expect(fieldsAt(schema, ['map', 'x'])).toEqual(['a', 'b'])
  expect(fieldsAt(schema, ['nothing', '__proto__'])).toEqual([])
  expect(fieldsAt(undefined, ['a'])).toEqual([])
})
