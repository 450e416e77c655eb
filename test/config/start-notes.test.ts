import { expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'
import { registryPlace, startWarnings } from '../../src/config/start-notes.ts'

const cloud = { STORE: 'firestore', GOOGLE_CLOUD_PROJECT: 'example', PUBLIC_URL: 'https://tools.example.com' }

test('replicas of one database are told which keys they do not share', () => {
  const warned = (env: Record<string, string>): string[] =>
    startWarnings(loadSettings(env)).map((text) => text.split(':', 1).join())
  const key = 'ab'.repeat(32)

  expect(warned({})).toEqual([])
  expect(warned(cloud)).toEqual(['STATE_KEY is not set', 'AUDIT_DIGEST_KEY is not set'])
  expect(warned({ ...cloud, STATE_KEY: key })).toEqual(['AUDIT_DIGEST_KEY is not set'])
  expect(warned({ ...cloud, STATE_KEY: key, AUDIT_DIGEST_KEY: key })).toEqual([])
})

test('where the registry is names the database when it is there, and the file when not', () => {
  expect(registryPlace(loadSettings(cloud))).toBe('Firestore, project example, database (default)')
  expect(registryPlace(loadSettings({ REGISTRY_FILE: '/etc/registry.yaml' }))).toBe('/etc/registry.yaml')
})
