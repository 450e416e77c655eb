import { join } from 'node:path'
import type { z } from 'zod'
import { inCamelCase } from './camel-case.ts'
import { hasAuthorizationServer, hasLocalIssuer } from './combinations.ts'
import type { LaunchPolicy } from '../domain/launch/launch-policy.ts'
import type { OutboundPolicy } from '../domain/outbound/outbound-policy.ts'
import { type IssuerDefaults, issuerSettings } from './issuers.ts'
import { type SettingValues, settingsSchema } from './schema.ts'
import { address } from './sections/address.ts'
import { data } from './sections/data.ts'
import { limits } from './sections/limits.ts'
import { observation } from './sections/observation.ts'
import { secrets } from './sections/secrets.ts'

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Name in keyof T]: DeepReadonly<T[Name]> }
    : T

/** The settings that `documentPolicies` come from. */
export const policyValues = settingsSchema.pick({
  STORE: true,
  OUTBOUND_ADDRESSES: true,
  OUTBOUND_ALLOW: true,
  OUTBOUND_PORTS: true,
  STDIO_SERVERS: true,
  STDIO_ALLOWLIST: true,
  STDIO_SANDBOX: true,
})
type PolicyValues = z.output<typeof policyValues>

/**
 * What the process is told at its start; never changes. A setting has the name of its variable in camel case, unless
 * several of them come to one value. Times and sizes have their unit in the name.
 */
export type Settings = DeepReadonly<ReturnType<typeof fromValues>>

/** The settings that the values of the variables come to. */
export function settingsOf(values: SettingValues): Settings {
  return deepFreeze(fromValues(values))
}

/**
 * The settings after listening on a port that the system chose: PUBLIC_URL, and the audiences that follow it,
 * name that port. Without effect unless PORT is 0 and PUBLIC_URL is not set.
 */
export function atPort(settings: Settings, port: number): Settings {
  const url = new URL(settings.publicUrl)
  if (url.port !== '0') return settings
  const publicUrl = originOf(settings.host, port)
  const moved = <T extends IssuerDefaults>(issuer: T): T =>
    issuer.audience === settings.publicUrl ? { ...issuer, audience: publicUrl } : issuer
  return deepFreeze({
    ...settings,
    publicUrl,
    issuers: settings.issuers.map(moved),
    issuerDefaults: moved(settings.issuerDefaults),
  })
}

function fromValues(values: SettingValues) {
  const publicUrl = values.PUBLIC_URL ?? originOf(values.HOST, values.PORT)
  const loopbackAndPublic = [...new Set(['localhost', '127.0.0.1', '[::1]', new URL(publicUrl).hostname])]
  const { googleCloudProject, firestoreDatabase, ...stored } = inCamelCase(values, data)
  const { maxOwnConnections, drainNoticeMs, ...limited } = inCamelCase(values, limits)
  return {
    ...inCamelCase(values, address),
    publicUrl,
    allowedHosts: values.ALLOWED_HOSTS ?? loopbackAndPublic,
    allowedOrigins: values.ALLOWED_ORIGINS ?? [...loopbackAndPublic],
    ...stored,
    registryFile: values.REGISTRY_FILE ?? join(values.DATA_DIR, 'registry.yaml'),
    /** Where the database is; undefined unless `store` is `firestore`. */
    firestore:
      values.STORE === 'firestore' && googleCloudProject !== undefined
        ? { projectId: googleCloudProject, databaseId: firestoreDatabase }
        : undefined,
    ...identityOf(values, publicUrl),
    /** How long calls wait for a person's yes, and how many. */
    approvals: {
      requestTtlMs: values.APPROVAL_REQUEST_TTL_MS,
      grantTtlMs: values.APPROVAL_GRANT_TTL_MS,
      perPrincipal: values.APPROVALS_PER_PRINCIPAL,
      perTenant: values.APPROVALS_PER_TENANT,
      webhook: webhookOf(values),
    },
    ...inCamelCase(values, secrets),
    kubernetes: kubernetesOf(values),
    ...documentPolicies(values),
    ...limited,
    maxOwnPools: maxOwnConnections,
    drainNoticeMs: drainNoticeMs ?? (values.STORE === 'file' ? 0 : 2000),
    install: installOf(values),
    mcpRegistryUrl: values.MCP_REGISTRY_URL,
    enhancement: enhancementOf(values),
    /** The bounds of each cache. */
    caches: { maxEntries: values.CACHE_MAX_ENTRIES, maxBytes: values.CACHE_MAX_BYTES },
    ...inCamelCase(values, observation),
    dashboard: values.DASHBOARD === 'auto' ? hasLocalIssuer(values) : values.DASHBOARD === 'on',
  }
}

function identityOf(values: SettingValues, publicUrl: string) {
  const issuerDefaults = {
    audience: values.OIDC_AUDIENCE ?? publicUrl,
    algorithms: values.OIDC_ALGORITHMS,
    maxTokenHours: values.OIDC_MAX_TOKEN_HOURS,
    claims: {
      tenant: values.CLAIM_TENANT,
      roles: values.CLAIM_ROLES,
      scope: values.CLAIM_SCOPE,
      agent: values.CLAIM_AGENT,
      agents: values.CLAIM_AGENTS,
    },
  }
  const { OIDC_ISSUER: issuer, OIDC_JWKS_URL: jwksUrl, OIDC_TENANTS: tenants } = values
  const signIn =
    values.OIDC_CLIENT_ID === undefined
      ? undefined
      : { clientId: values.OIDC_CLIENT_ID, clientSecret: values.OIDC_CLIENT_SECRET }
  const first = issuer === undefined ? [] : [{ issuer, jwksUrl, tenants, claims: {}, signIn }]
  return {
    localIssuer: hasLocalIssuer(values),
    /** Whether the authorization server inside is on. */
    authorizationServer: hasAuthorizationServer(values),
    oauthGrantHours: values.OAUTH_GRANT_HOURS ?? (hasLocalIssuer(values) ? 4320 : 24),
    oauthClientDocuments: values.OAUTH_CLIENT_DOCUMENTS === 'on',
    /** Identity providers in addition to the local issuer. */
    issuers: [...first, ...(values.OIDC_ISSUERS ?? [])].map((entry) => issuerSettings(entry, issuerDefaults)),
    /** What the issuers in documents of tenants take where they say nothing. */
    issuerDefaults,
    scopes: values.OIDC_SCOPES,
    trustAgentHeader: values.TRUST_AGENT_HEADER,
    platformAdminRole: values.PLATFORM_ADMIN_ROLE,
    approverRoles: values.APPROVER_ROLES,
    stateKey: values.STATE_KEY,
    stateKeyPrevious: values.STATE_KEY_PREVIOUS,
  }
}

/** Where requests for approval are reported. */
function webhookOf({ APPROVAL_WEBHOOK_URL: url, APPROVAL_WEBHOOK_SECRET: secret }: SettingValues) {
  return url === undefined || secret === undefined ? undefined : { url, secret }
}

/** Which Services of a cluster become servers; undefined unless servers are to be discovered. */
function kubernetesOf(values: SettingValues) {
  if (values.KUBERNETES_DISCOVERY === 'off') return undefined
  const tenantId = values.KUBERNETES_TENANT ?? values.DEFAULT_TENANT
  return {
    labelSelector: values.KUBERNETES_LABEL_SELECTOR,
    /** Namespaces to look into, each with the tenant that its servers belong to; empty: all of them. */
    namespaces: values.KUBERNETES_NAMESPACES.map((entry) => ({ tenantId, ...entry })),
    /** Tenant, or `*`, of the servers of all other namespaces. */
    tenantId,
    addresses: values.KUBERNETES_ADDRESSES,
  }
}

/** What documents may lead to, and have started. */
export function documentPolicies(values: PolicyValues): { outbound: OutboundPolicy; launch: LaunchPolicy } {
  return { outbound: outboundOf(values), launch: launchOf(values) }
}

/** Where requests may go whose address others name. */
function outboundOf(values: PolicyValues): OutboundPolicy {
  const { OUTBOUND_ADDRESSES: wanted, OUTBOUND_ALLOW: allow, OUTBOUND_PORTS: ports } = values
  const byStore = values.STORE === 'firestore' ? 'public' : 'any'
  const addresses = wanted === 'auto' ? byStore : wanted
  return { addresses, allow, ports: addresses === 'public' ? ports : [] }
}

/** Which programs documents may have started. */
function launchOf(values: PolicyValues): LaunchPolicy {
  const { STDIO_SERVERS: wanted, STDIO_ALLOWLIST: listed, STDIO_SANDBOX: sandbox } = values
  const byStore = values.STORE === 'firestore' ? 'allowlist' : 'any'
  return {
    servers: wanted === 'auto' ? byStore : wanted,
    programs: listed.filter((text) => text.startsWith('/')),
    packages: listed.filter((text) => !text.startsWith('/')),
    needsSandbox: sandbox === 'required',
  }
}

/** With a shared registry, packages are installed only if that is enabled explicitly. */
function installOf(values: SettingValues) {
  return {
    isEnabled: values.INSTALL_ENABLED === 'auto' ? values.STORE === 'file' : values.INSTALL_ENABLED === 'on',
    allowList: values.INSTALL_ALLOWLIST,
    runsScripts: values.INSTALL_SCRIPTS === 'on',
    timeoutMs: values.INSTALL_TIMEOUT_MS,
    maxBytes: values.INSTALL_MAX_BYTES,
  }
}

function enhancementOf(values: SettingValues) {
  return {
    host: values.OLLAMA_HOST,
    timeoutMs: values.OLLAMA_TIMEOUT_MS,
    keepAlive: values.OLLAMA_KEEP_ALIVE,
    roles: values.ENHANCE_ROLES,
    cacheTtlMs: values.ENHANCE_CACHE_TTL_MS,
  }
}

function originOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
