import { join } from 'node:path'
import type { z } from 'zod'
import { problemsOf } from '../domain/documents/problems.ts'
import { combinationProblems, hasLocalIssuer, type SettingProblem } from './combinations.ts'
import {
  type CacheSettings,
  cacheSettingsOf,
  type EnhancementSettings,
  enhancementSettingsOf,
} from './enhancement.ts'
import { type InstallSettings, installSettingsOf } from './install.ts'
import { type KubernetesSettings, kubernetesSettingsOf } from './kubernetes.ts'
import {
  type ClaimNames,
  type IssuerDefaults,
  type IssuerEntry,
  type IssuerSettings,
  settingsSchema,
  type SettingValues,
} from './schema.ts'
import { notesOf } from './setting.ts'

/** What the process is told at its start; never changes. Times and sizes have their unit in the name. */
export interface Settings {
  readonly port: number
  readonly host: string
  /** The resource identifier, without a trailing slash. */
  readonly publicUrl: string
  /** Host names without port, lower case, IPv6 in brackets. */
  readonly allowedHosts: readonly string[]
  /** Host names of allowed origins, any scheme and port. */
  readonly allowedOrigins: readonly string[]
  readonly dataDir: string
  readonly registryFile: string
  readonly store: SettingValues['STORE']
  /** Where the database is; undefined unless `store` is `firestore`. */
  readonly firestore: { readonly projectId: string; readonly databaseId: string } | undefined
  readonly registryProbeMs: number
  /** Undefined: nothing is discovered. */
  readonly kubernetes: KubernetesSettings | undefined
  readonly defaultTenant: string
  readonly localIssuer: boolean
  /** Identity providers beside the local issuer. */
  readonly issuers: readonly IssuerSettings[]
  /** What the issuers in documents of tenants take where they say nothing. */
  readonly issuerDefaults: IssuerDefaults
  /** Scopes that clients are told to ask for. */
  readonly scopes: readonly string[]
  /** Tenants whose `x-agent-name` header is believed without the token's consent. */
  readonly trustAgentHeader: readonly string[]
  /** Needed, beside `operator`, to write servers for all tenants and what is started on this machine. */
  readonly platformAdminRole: string
  readonly secretsFile: string | undefined
  /** Secrets in environment variables: name, and the variable that holds it. */
  readonly secretsEnv: readonly { readonly name: string; readonly variable: string }[]
  /** Undefined: Secret Manager is not used. */
  readonly secretsProject: string | undefined
  readonly secretsPrefix: string
  readonly secretsTtlMs: number
  /** Paths of the modules of the operator's own stages, in order. */
  readonly callStages: readonly string[]
  readonly callTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly startConcurrency: number
  readonly maxOwnPools: number
  readonly drainTimeoutMs: number
  readonly maxBodyBytes: number
  readonly maxUpstreamMessageBytes: number
  readonly sessionIdleMs: number
  /** Undefined: as many as the descriptors of the process allow. */
  readonly maxConnections: number | undefined
  /** Undefined: half of these. */
  readonly maxConnectionsPerAddress: number | undefined
  readonly maxSessions: number
  readonly maxSessionsPerTenant: number
  readonly maxSessionsPerPrincipal: number
  readonly install: InstallSettings
  readonly enhancement: EnhancementSettings
  readonly caches: CacheSettings
  readonly auditQueueLimit: number
  readonly auditRetentionDays: number
  readonly auditSpoolMaxBytes: number
  /** 64 hex digits; undefined: a key made in the data directory. */
  readonly auditDigestKey: string | undefined
  /** 64 hex digits; undefined: a key made in the data directory. */
  readonly stateKey: string | undefined
  readonly logLevel: SettingValues['LOG_LEVEL']
  readonly logFormat: SettingValues['LOG_FORMAT']
  /** Undefined: no metrics endpoint. */
  readonly metricsPort: number | undefined
  readonly metricsHost: string
}

/** Settings that cannot be used; the message has a line for each problem. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly problems: readonly SettingProblem[]

  constructor(problems: readonly SettingProblem[]) {
    super(problems.map(lineOf).join('\n'))
    this.problems = problems
  }
}

/**
 * Reads the settings from environment variables; an empty one counts as not set.
 * @throws SettingsError with every problem at once
 */
export function loadSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const texts = new Map(
    Object.keys(settingsSchema.shape)
      .map((name) => [name, env[name] ?? ''] as const)
      .filter(([, text]) => text.trim() !== ''),
  )
  const issues = settingsSchema.safeParse(Object.fromEntries(texts)).error?.issues ?? []
  const wrong = new Set(issues.map((issue) => String(issue.path[0])))
  const usable = [...texts].filter(([name]) => !wrong.has(name))
  const values = settingsSchema.parse(Object.fromEntries(usable))
  const problems = [
    ...Object.entries(settingsSchema.shape)
      .filter(([name]) => wrong.has(name))
      .flatMap(([name, schema]) => problemsOfSetting(name, schema, texts.get(name) ?? '')),
    ...combinationProblems({ values, given: new Set(texts.keys()), wrong }),
  ]
  if (problems.length > 0) throw new SettingsError(problems)
  return deepFreeze(settingsOf(values))
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

function settingsOf(values: SettingValues): Settings {
  const publicUrl = values.PUBLIC_URL ?? originOf(values.HOST, values.PORT)
  const issuerDefaults = issuerDefaultsOf(values, publicUrl)
  const loopbackAndPublic = [...new Set(['localhost', '127.0.0.1', '[::1]', new URL(publicUrl).hostname])]
  return {
    port: values.PORT,
    host: values.HOST,
    publicUrl,
    allowedHosts: values.ALLOWED_HOSTS ?? loopbackAndPublic,
    allowedOrigins: values.ALLOWED_ORIGINS ?? [...loopbackAndPublic],
    dataDir: values.DATA_DIR,
    registryFile: values.REGISTRY_FILE ?? join(values.DATA_DIR, 'registry.yaml'),
    store: values.STORE,
    firestore:
      values.STORE === 'firestore' && values.GOOGLE_CLOUD_PROJECT !== undefined
        ? { projectId: values.GOOGLE_CLOUD_PROJECT, databaseId: values.FIRESTORE_DATABASE }
        : undefined,
    registryProbeMs: values.REGISTRY_PROBE_MS,
    kubernetes: kubernetesSettingsOf(values),
    defaultTenant: values.DEFAULT_TENANT,
    localIssuer: hasLocalIssuer(values),
    issuers: issuersOf(values, issuerDefaults),
    issuerDefaults,
    scopes: values.OIDC_SCOPES,
    trustAgentHeader: values.TRUST_AGENT_HEADER,
    platformAdminRole: values.PLATFORM_ADMIN_ROLE,
    secretsFile: values.SECRETS_FILE,
    secretsEnv: values.SECRETS_ENV,
    secretsProject: values.SECRETS_PROJECT,
    secretsPrefix: values.SECRETS_PREFIX,
    secretsTtlMs: values.SECRETS_TTL_MS,
    callStages: values.CALL_STAGES,
    callTimeoutMs: values.CALL_TIMEOUT_MS,
    connectTimeoutMs: values.CONNECT_TIMEOUT_MS,
    startConcurrency: values.START_CONCURRENCY,
    maxOwnPools: values.MAX_OWN_CONNECTIONS,
    drainTimeoutMs: values.DRAIN_TIMEOUT_MS,
    maxBodyBytes: values.MAX_BODY_BYTES,
    maxUpstreamMessageBytes: values.MAX_UPSTREAM_MESSAGE_BYTES,
    sessionIdleMs: values.SESSION_IDLE_MS,
    maxConnections: values.MAX_CONNECTIONS,
    maxConnectionsPerAddress: values.MAX_CONNECTIONS_PER_ADDRESS,
    maxSessions: values.MAX_SESSIONS,
    maxSessionsPerTenant: values.MAX_SESSIONS_PER_TENANT,
    maxSessionsPerPrincipal: values.MAX_SESSIONS_PER_PRINCIPAL,
    install: installSettingsOf(values),
    enhancement: enhancementSettingsOf(values),
    caches: cacheSettingsOf(values),
    auditQueueLimit: values.AUDIT_QUEUE_LIMIT,
    auditRetentionDays: values.AUDIT_RETENTION_DAYS,
    auditSpoolMaxBytes: values.AUDIT_SPOOL_MAX_BYTES,
    auditDigestKey: values.AUDIT_DIGEST_KEY,
    stateKey: values.STATE_KEY,
    logLevel: values.LOG_LEVEL,
    logFormat: values.LOG_FORMAT,
    metricsPort: values.METRICS_PORT,
    metricsHost: values.METRICS_HOST,
  }
}

function issuerDefaultsOf(values: SettingValues, publicUrl: string): IssuerDefaults {
  const claims: ClaimNames = {
    tenant: values.CLAIM_TENANT,
    roles: values.CLAIM_ROLES,
    scope: values.CLAIM_SCOPE,
    agent: values.CLAIM_AGENT,
    agents: values.CLAIM_AGENTS,
  }
  return {
    audience: values.OIDC_AUDIENCE ?? publicUrl,
    algorithms: [...values.OIDC_ALGORITHMS],
    claims,
  }
}

function issuersOf(values: SettingValues, defaults: IssuerDefaults): IssuerSettings[] {
  const first: IssuerEntry[] =
    values.OIDC_ISSUER === undefined
      ? []
      : [
          {
            issuer: values.OIDC_ISSUER,
            jwksUrl: values.OIDC_JWKS_URL,
            tenants: values.OIDC_TENANTS,
            claims: {},
          },
        ]
  return [...first, ...(values.OIDC_ISSUERS ?? [])].map(({ jwksUrl, ...entry }) => ({
    issuer: entry.issuer,
    audience: entry.audience ?? defaults.audience,
    ...(jwksUrl === undefined ? {} : { jwksUrl }),
    tenants: entry.tenants,
    algorithms: entry.algorithms ?? [...defaults.algorithms],
    claims: { ...defaults.claims, ...definedOf(entry.claims) },
  }))
}

function definedOf(claims: IssuerEntry['claims']): Partial<ClaimNames> {
  return Object.fromEntries(Object.entries(claims).filter(([, name]) => name !== undefined))
}

function originOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function problemsOfSetting(name: string, schema: z.ZodType, text: string): SettingProblem[] {
  const { expected } = notesOf(schema)
  if (name !== 'OIDC_ISSUERS') return [{ name, expected, ...shown(text) }]
  const { error } = schema.safeParse(text)
  return problemsOf(error ?? { issues: [] }).map((problem) => ({
    name: `${name}${problem.path === '' || problem.path.startsWith('[') ? '' : '.'}${problem.path}`,
    expected: problem.path === '' ? `${expected} (${problem.text})` : problem.text,
  }))
}

/** The value, unless it is long or may carry a password: URLs do, and so does what was pasted by mistake. */
function shown(text: string): { got?: string } {
  return /^[\w.,:*+ -]{1,20}$/.test(text) ? { got: text } : {}
}

function lineOf({ name, expected, got }: SettingProblem): string {
  return `${name}: expected ${expected}${got === undefined ? '' : `, got ${JSON.stringify(got)}`}`
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
