import { expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'
import { missingKeys, registryPlace, startWarnings } from '../../src/config/start-notes.ts'

const cloud = { STORE: 'firestore', GOOGLE_CLOUD_PROJECT: 'example', PUBLIC_URL: 'https://tools.example.com' }

test('replicas of one database need the keys that all of them share, one by one', () => {
  const missing = (env: Record<string, string>): string[] =>
    missingKeys(loadSettings(env)).map(({ name }) => name)
  const key = 'ab'.repeat(32)

  expect(missing({})).toEqual([])
  expect(missing(cloud)).toEqual(['STATE_KEY', 'AUDIT_DIGEST_KEY'])
  expect(missing({ ...cloud, STATE_KEY: key })).toEqual(['AUDIT_DIGEST_KEY'])
  expect(missing({ ...cloud, STATE_KEY: key, AUDIT_DIGEST_KEY: key })).toEqual([])
  expect(missing({ ...cloud, SHARED_KEYS_PROJECT: 'example' })).toEqual([])
})

test('replicas that sign usage records with a key of their disk are warned of', () => {
  const warned = (env: Record<string, string>): string[] =>
    startWarnings(loadSettings(env)).map((text) => text.slice(0, 28))

  expect(warned({})).toEqual([])
  expect(warned(cloud)).toEqual(['AUDIT_SIGNING_KEY is not set'])
  expect(warned({ ...cloud, AUDIT_SIGNING_KEY: 'ab'.repeat(32) })).toEqual([])
})

test('where the registry is names the database when it is there, and the file when not', () => {
  expect(registryPlace(loadSettings(cloud))).toBe('Firestore, project example, database (default)')
  expect(registryPlace(loadSettings({ REGISTRY_FILE: '/etc/registry.yaml' }))).toBe('/etc/registry.yaml')
})
