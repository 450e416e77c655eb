import { describe, expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'
import { atPort } from '../../src/config/settings.ts'

const CLOUD = {
  HOST: '0.0.0.0',
  PUBLIC_URL: 'https://tools.example.com/',
  OIDC_ISSUER: 'https://id.example.com/',
}

describe('a port that the system chose', () => {
  test('is part of the public URL and of the audience that follows it', () => {
    const settings = atPort(loadSettings({ PORT: '0', OIDC_ISSUER: 'https://id.example.com' }), 41_234)
    expect(settings.publicUrl).toBe('http://127.0.0.1:41234')
    expect(settings.issuers[0]?.audience).toBe('http://127.0.0.1:41234')
    expect(settings.issuerDefaults.audience).toBe('http://127.0.0.1:41234')
  })

  test('changes nothing that was set', () => {
    const settings = loadSettings({ ...CLOUD, PORT: '0', OIDC_AUDIENCE: 'gateway' })
    expect(atPort(settings, 41_234)).toBe(settings)
    const other = loadSettings({ PORT: '0', OIDC_ISSUER: 'https://id.example.com', OIDC_AUDIENCE: 'a' })
    const audience = atPort(other, 5)
    expect(audience.issuers[0]?.audience).toBe('a')
  })
})
