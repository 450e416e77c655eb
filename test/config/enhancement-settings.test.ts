import { expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'

test.each([
  ['http://127.0.0.1:11434', 'http://127.0.0.1:11434'],
  ['https://ollama.example.com/', 'https://ollama.example.com'],
  ['ollama', 'http://ollama:11434'],
  ['ollama:8000', 'http://ollama:8000'],
  ['ollama:80', 'http://ollama:80'],
])('OLLAMA_HOST=%s is the server at %s', (text, host) => {
  expect(loadSettings({ OLLAMA_HOST: text }).enhancement.host).toBe(host)
})

test.each([
  ['OLLAMA_HOST', 'http://me:secret@ollama'],
  ['OLLAMA_HOST', 'ftp://ollama'],
  ['OLLAMA_HOST', 'http://'],
  ['OLLAMA_KEEP_ALIVE', 'long'],
  ['OLLAMA_TIMEOUT_MS', '0'],
  ['CACHE_MAX_BYTES', '1'],
])('%s=%s is a problem that names the setting, and no password', (name, value) => {
  expect(() => loadSettings({ [name]: value })).toThrow(new RegExp(`^${name}: expected (?!.*secret)`))
})

test('the roles of the enhancer are a list', () => {
  expect(loadSettings({ ENHANCE_ROLES: 'writer, editor' }).enhancement.roles).toEqual(['writer', 'editor'])
})
