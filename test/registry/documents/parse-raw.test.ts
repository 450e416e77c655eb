import { expect, test } from '@jest/globals'
import { parseRaw } from '../../../src/registry/documents/parse-raw.ts'

const reasonOf = (value: unknown, defaultTenant?: string): string =>
  parseRaw('pipelines', [{ id: 'daily', value }], { defaultTenant }).quarantined[0]?.reason ?? 'valid'

const endless: Record<string, unknown> = { tenantId: 'acme' }
endless['again'] = endless
const NAME =
  'name: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter'
const TENANT =
  'tenantId: expected a tenant id of at most 63 lower-case letters, digits and "-", or "*" for all tenants'

test.each<[string, unknown, string]>([
  ['of a tenant', { tenantId: 'acme', steps: [{ tool: 'x' }] }, 'valid'],
  ['of all tenants', { tenantId: '*' }, 'valid'],
  ['with a name of its own', { tenantId: 'acme', name: 'other' }, 'valid'],
  ['that is a list', [], 'expected object'],
  ['that is nothing', null, 'expected object'],
  ['with a name that is none', { tenantId: 'acme', name: 'a_b' }, NAME],
  ['with a name that is no text', { tenantId: 'acme', name: 7 }, NAME],
  ['without a tenant', {}, TENANT],
  ['with a tenant that is none', { tenantId: 'No One', name: '' }, `${NAME}; ${TENANT}`],
  [
    'with a field that schemas pass over',
    { tenantId: 'acme', ['__proto__']: 1 },
    'a field may not be named "__proto__"',
  ],
  ['that holds itself', endless, 'more than 20 levels deep'],
  ['of 300 kB', { tenantId: 'acme', text: 'é'.repeat(150_000) }, 'larger than 262144 bytes'],
])('a document %s: %s', (_case, value, reason) => {
  expect(reasonOf(value)).toBe(reason)
})

test('a document that names no tenant takes the one that there is for those', () => {
  expect(reasonOf({}, 'local')).toBe('valid')
  expect(reasonOf({ tenantId: null }, 'local')).toBe(TENANT)
})

test('the names of the quarantine are no names of servers', () => {
  const { quarantined } = parseRaw('templates', [{ id: 'search', value: 5 }], { defaultTenant: 'local' })
  expect(quarantined).toMatchObject([{ id: 'templates/search', name: 'templates/search', tenantId: 'local' }])
})
