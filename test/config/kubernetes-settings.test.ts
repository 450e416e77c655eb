import { describe, expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'

const FIRESTORE = { STORE: 'firestore', GOOGLE_CLOUD_PROJECT: 'demo' }

describe('discovery in Kubernetes', () => {
  test('is off unless it is asked for', () => {
    expect(loadSettings({}).kubernetes).toBeUndefined()
  })

  test('looks everywhere, for the default tenant', () => {
    expect(loadSettings({ KUBERNETES_DISCOVERY: 'on', DEFAULT_TENANT: 'acme' }).kubernetes).toEqual({
      labelSelector: 'tool-gateway/enabled=true',
      namespaces: [],
      tenantId: 'acme',
      addresses: 'pods',
    })
  })

  test('looks into some namespaces, each for a tenant', () => {
    const settings = loadSettings({
      KUBERNETES_DISCOVERY: 'on',
      KUBERNETES_NAMESPACES: 'team-a=acme, team-b, shared=*',
      KUBERNETES_TENANT: 'globex',
    })
    expect(settings.kubernetes?.namespaces).toEqual([
      { namespace: 'team-a', tenantId: 'acme' },
      { namespace: 'team-b', tenantId: 'globex' },
      { namespace: 'shared', tenantId: '*' },
    ])
  })

  test.each([
    ['Team', 'a namespace that is none'],
    ['a=No', 'a tenant that is none'],
    ['a=', 'no tenant'],
    ['a=b=c', 'two tenants'],
    ['a,a=acme', 'a namespace twice'],
  ])('does not take %s: %s', (text) => {
    expect(() => loadSettings({ KUBERNETES_DISCOVERY: 'on', KUBERNETES_NAMESPACES: text })).toThrow(
      /^KUBERNETES_NAMESPACES: expected/,
    )
  })

  test('has no settings without effect', () => {
    expect(() => loadSettings({ KUBERNETES_TENANT: 'acme', KUBERNETES_ADDRESSES: 'service' })).toThrow(
      /KUBERNETES_TENANT: expected to be unset[^]*KUBERNETES_ADDRESSES: expected to be unset/,
    )
  })

  test('has to be told the tenants where the registry has no default one', () => {
    const on = { ...FIRESTORE, KUBERNETES_DISCOVERY: 'on' }
    expect(() => loadSettings(on)).toThrow(/KUBERNETES_TENANT: expected the tenant of discovered servers/)
    expect(() => loadSettings({ ...on, KUBERNETES_NAMESPACES: 'a=acme,b' })).toThrow(/KUBERNETES_TENANT/)
    expect(loadSettings({ ...on, KUBERNETES_NAMESPACES: 'a=acme' }).kubernetes?.tenantId).toBe('local')
    expect(loadSettings({ ...on, KUBERNETES_TENANT: '*' }).kubernetes?.tenantId).toBe('*')
  })
})
