import { expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'

test('secrets are found in listed variables, under their own names or others', () => {
  expect(loadSettings({ SECRETS_ENV: 'acme_KEY, acme-x_key=TOKEN' }).secretsEnv).toEqual([
    { name: 'acme_KEY', variable: 'acme_KEY' },
    { name: 'acme-x_key', variable: 'TOKEN' },
  ])
})

test.each([
  ['SECRETS_ENV', 'GITHUB_TOKEN'],
  ['SECRETS_ENV', 'acme_key=GITHUB TOKEN'],
  ['SECRETS_ENV', 'acme_key=A=B'],
  ['SECRETS_ENV', 'acme-x_key'],
  ['SECRETS_PROJECT', 'no project'],
  ['SECRETS_PREFIX', 'a/b'],
  ['SECRETS_TTL_MS', '999'],
])('%s may not be %j', (name, text) => {
  expect(() => loadSettings({ [name]: text })).toThrow(`${name}: expected `)
})

test('a value that was written in the place of a variable is not repeated', () => {
  expect(() => loadSettings({ SECRETS_ENV: 'acme_key=sk-canary' })).toThrow(/^(?!.*canary)/)
})
