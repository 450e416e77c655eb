import { expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'

test('without any variable it is the embedded mode on loopback', () => {
  expect(loadSettings({})).toEqual({
    port: 8080,
    host: '127.0.0.1',
    publicUrl: 'http://127.0.0.1:8080',
    allowedHosts: ['localhost', '127.0.0.1', '[::1]'],
    allowedOrigins: ['localhost', '127.0.0.1', '[::1]'],
    dataDir: '.data',
    registryFile: '.data/registry.yaml',
    store: 'file',
    registryProbeMs: 15_000,
    defaultTenant: 'local',
    localIssuer: true,
    authorizationServer: true,
    oauthGrantHours: 4320,
    oauthClientDocuments: true,
    issuers: [],
    outbound: { addresses: 'any', allow: [], ports: [] },
    launch: { servers: 'any', programs: [], packages: [], needsSandbox: false },
    install: expect.objectContaining({ isEnabled: true, runsScripts: false }),
    enhancement: { host: undefined, timeoutMs: 30_000, keepAlive: '5m', roles: [], cacheTtlMs: 3_600_000 },
    caches: { maxEntries: 10_000, maxBytes: 67_108_864 },
    issuerDefaults: {
      audience: 'http://127.0.0.1:8080',
      algorithms: ['RS256', 'ES256', 'PS256', 'EdDSA'],
      claims: { tenant: 'tenant_id', roles: 'roles', scope: 'scope', agent: 'agent', agents: 'agents' },
      maxTokenHours: 24,
    },
    trustAgentHeader: [],
    mcpRegistryUrl: 'https://registry.modelcontextprotocol.io',
    platformAdminRole: 'platform-admin',
    approverRoles: ['operator', 'approver'],
    approvals: { requestTtlMs: 3_600_000, grantTtlMs: 900_000, perPrincipal: 20, perTenant: 500 },
    secretsFile: undefined,
    scopes: [],
    secretsEnv: [],
    secretsProject: undefined,
    secretsPrefix: '',
    secretsTtlMs: 300_000,
    sharedKeysPrefix: 'tool-gateway-',
    vaultKmsEndpoint: 'https://cloudkms.googleapis.com',
    vaultKeys: [],
    callStages: [],
    callTimeoutMs: 60_000,
    directPath: 'on',
    connectTimeoutMs: 20_000,
    startConcurrency: 8,
    toolChanges: 'alert',
    maxOwnPools: 100,
    drainNoticeMs: 0,
    drainTimeoutMs: 6500,
    maxBodyBytes: 4_194_304,
    maxUpstreamMessageBytes: 10_485_760,
    maxUnreadBytes: 268_435_456,
    sendTimeoutMs: 60_000,
    sessionIdleMs: 1_800_000,
    sessionLifetimeMs: 604_800_000,
    maxRequestsInProgress: 5000,
    maxSessions: 10_000,
    maxSessionsPerTenant: 5000,
    maxSessionsPerPrincipal: 100,
    auditIntents: 'writing',
    auditQueueLimit: 10_000,
    auditRetentionDays: 90,
    auditSpoolMaxBytes: 67_108_864,
    auditDigestKey: undefined,
    logLevel: 'info',
    logFormat: 'auto',
    metricsPort: 9464,
    metricsHost: '127.0.0.1',
    dashboard: true,
  })
})

test('an empty or blank variable counts as not set', () => {
  expect(loadSettings({ PORT: '', HOST: '  ', OIDC_ISSUER: '' })).toEqual(loadSettings({}))
})

test('variables that are no settings are not looked at', () => {
  expect(loadSettings({ PATH: '/bin', HOME: '/' })).toEqual(loadSettings({}))
})
