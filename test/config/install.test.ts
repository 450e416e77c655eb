import { describe, expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'

const CLOUD = { STORE: 'firestore', GOOGLE_CLOUD_PROJECT: 'p', OIDC_ISSUER: 'https://idp.example' }

describe('installing packages', () => {
  test.each([
    ['is on where the registry is a file', {}, true],
    ['is off where the registry is shared', CLOUD, false],
    ['can be had there', { ...CLOUD, INSTALL_ENABLED: 'on' }, true],
    ['can be turned off', { INSTALL_ENABLED: 'off' }, false],
  ])('%s', (_what, env, isEnabled) => {
    expect(loadSettings(env).install.isEnabled).toBe(isEnabled)
  })

  test('is bounded, and runs no scripts, unless said otherwise', () => {
    expect(loadSettings({}).install).toEqual({
      isEnabled: true,
      allowList: ['@modelcontextprotocol/*'],
      runsScripts: false,
      timeoutMs: 300_000,
      maxBytes: 524_288_000,
    })
  })

  test('takes patterns of package names, and how far it may go', () => {
    const env = {
      INSTALL_ALLOWLIST: '@acme/*, left-pad, *-mcp',
      INSTALL_SCRIPTS: 'on',
      INSTALL_TIMEOUT_MS: '1000',
      INSTALL_MAX_BYTES: '65536',
    }
    expect(loadSettings(env).install).toEqual({
      isEnabled: true,
      allowList: ['@acme/*', 'left-pad', '*-mcp'],
      runsScripts: true,
      timeoutMs: 1000,
      maxBytes: 65_536,
    })
    expect(loadSettings({ INSTALL_ALLOWLIST: '*' }).install.allowList).toEqual(['*'])
  })

  test.each([
    ['INSTALL_ALLOWLIST', 'https://x.example/y.tgz'],
    ['INSTALL_ALLOWLIST', '../x'],
    ['INSTALL_ALLOWLIST', ','],
    ['INSTALL_SCRIPTS', 'yes'],
    ['INSTALL_MAX_BYTES', '1'],
  ])('%s=%s is refused', (name, value) => {
    expect(() => loadSettings({ [name]: value })).toThrow(name)
  })
})
