import { z } from 'zod'
import { connections } from './connections.ts'
import { enhancement } from './enhancement.ts'
import { install } from './install.ts'
import { kubernetes } from './kubernetes.ts'
import { secrets } from './secret-settings.ts'
import { optional, setting } from './setting.ts'
import * as values from './values.ts'

/** Names of the claims of a token that carry what the gateway needs. */
export interface ClaimNames {
  readonly tenant: string
  readonly roles: string
  readonly scope: string
  readonly agent: string
  readonly agents: string
}

/** An identity provider whose tokens the gateway accepts. */
export interface IssuerSettings {
  /** Compared with `iss` as it is written. */
  readonly issuer: string
  readonly audience: string
  /** Absent: found by discovery at the issuer. */
  readonly jwksUrl?: string
  /** The tenants that this issuer's tokens may name. */
  readonly tenants: readonly string[] | '*'
  readonly algorithms: readonly string[]
  readonly claims: ClaimNames
}

/** What holds for an issuer that does not say otherwise. */
export type IssuerDefaults = Pick<IssuerSettings, 'audience' | 'algorithms' | 'claims'>

/** A member of OIDC_ISSUERS. What is absent is taken from the settings for one issuer; `tenants` has to be written. */
export const issuerEntry = z.strictObject({
  issuer: values.trustworthyUrl,
  audience: values.shortText.optional(),
  jwksUrl: values.trustworthyUrl.optional(),
  tenants: z.union([z.literal('*'), z.array(values.tenantId).min(1)]),
  algorithms: z.array(values.algorithm).min(1).optional(),
  claims: z
    .strictObject({
      tenant: values.shortText,
      roles: values.shortText,
      scope: values.shortText,
      agent: values.shortText,
      agents: values.shortText,
    })
    .partial()
    .default({}),
})
/** A checked entry of OIDC_ISSUERS. */
export type IssuerEntry = z.output<typeof issuerEntry>

const issuerEntries = {
  schema: z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text)
      } catch {
        context.addIssue({ code: 'custom', message: 'not valid JSON' })
        return z.NEVER
      }
    })
    .pipe(z.array(issuerEntry).min(1)),
  expected: 'a JSON array of `{issuer, audience?, jwksUrl?, tenants, algorithms?, claims?}`',
}

const { integer, oneOf } = values

const address = {
  PORT: setting(values.port, '8080', 'Port of the gateway; 0 takes any free one.'),
  HOST: setting(values.hostAddress, '127.0.0.1', 'Address to listen on.'),
  PUBLIC_URL: optional(
    values.publicUrl,
    '`http://HOST:PORT`',
    'URL under which clients reach the gateway: its resource identifier. Needed when HOST is a wildcard address.',
  ),
  ALLOWED_HOSTS: optional(
    values.hostList,
    'loopback names and the host of PUBLIC_URL',
    'Hosts that a request may name in its `Host` header (protection against DNS rebinding).',
  ),
  ALLOWED_ORIGINS: optional(
    values.hostList,
    'loopback names and the host of PUBLIC_URL',
    'Hosts of the origins that a browser request may come from, with any scheme and port.',
  ),
}

const data = {
  DATA_DIR: setting(
    values.path,
    '.data',
    'Folder for all data that the gateway stores; created with mode 0700.',
  ),
  REGISTRY_FILE: optional(
    values.path,
    '`DATA_DIR/registry.yaml`',
    'Registry file, YAML or JSON; changes take effect without a restart. An example is written if it does not exist.',
  ),
  STORE: setting(
    oneOf(['file', 'firestore']),
    'file',
    'Where registry, tenants and usage records are stored: on this machine, or in Firestore for any number of gateways.',
  ),
  GOOGLE_CLOUD_PROJECT: optional(
    values.projectId,
    'none',
    'Google Cloud project of the Firestore database. Needed when STORE is `firestore`.',
  ),
  FIRESTORE_DATABASE: setting(values.databaseId, '(default)', 'Firestore database in that project.'),
  REGISTRY_PROBE_MS: setting(
    integer(100, 600_000),
    '15000',
    'Time between two checks that Firestore still answers, in milliseconds; one document read each.',
  ),
  DEFAULT_TENANT: setting(
    values.tenant,
    'local',
    'Tenant of the documents of the registry file that do not name one.',
  ),
}

const identity = {
  LOCAL_ISSUER: setting(
    oneOf(['auto', 'on', 'off']),
    'auto',
    'Whether the gateway issues tokens itself, for evaluation; `auto`: when HOST is loopback and STORE is `file`. Never on another address.',
  ),
  OIDC_ISSUER: optional(
    values.secureUrl,
    'none',
    'Identity provider whose tokens are accepted: the `iss` of its tokens.',
  ),
  OIDC_AUDIENCE: optional(
    values.words,
    'PUBLIC_URL',
    'The `aud` of tokens for the whole gateway; PUBLIC_URL and URLs of paths below it are accepted, too, each for its path.',
  ),
  OIDC_JWKS_URL: optional(
    values.secureUrl,
    'discovery at the issuer',
    'URL of the signing keys (JSON Web Key Set) of OIDC_ISSUER.',
  ),
  OIDC_TENANTS: setting(values.tenantListOrAll, '*', 'Tenants that tokens of OIDC_ISSUER may name.'),
  OIDC_ALGORITHMS: setting(
    values.algorithmList,
    'RS256,ES256,PS256,EdDSA',
    'Signature algorithms that are accepted.',
  ),
  OIDC_SCOPES: setting(
    values.scopeList,
    '',
    'Scopes that clients are told to request from the identity provider, in addition to those that tools require.',
  ),
  CLAIM_TENANT: setting(
    values.words,
    'tenant_id',
    'Claim with the tenant. In each of these settings a path with dots leads into nested claims.',
  ),
  CLAIM_ROLES: setting(
    values.words,
    'roles',
    'Claim with the roles, a list of strings; for example `realm_access.roles` with Keycloak. A string counts as no roles.',
  ),
  CLAIM_SCOPE: setting(values.words, 'scope', 'Claim with the scopes.'),
  CLAIM_AGENT: setting(
    values.words,
    'agent',
    'Claim with the name of the calling agent; tokens without it are named by `client_id`, else by `azp`.',
  ),
  CLAIM_AGENTS: setting(
    values.words,
    'agents',
    'Claim with the agent names that `x-agent-name` may choose from.',
  ),
  OIDC_ISSUERS: optional(
    issuerEntries,
    'none',
    'Several identity providers, each with its tenants; absent fields are taken from the settings above.',
  ),
  PLATFORM_ADMIN_ROLE: setting(
    values.words,
    'platform-admin',
    'Role that, in addition to `operator`, is required to write servers for all tenants and programs that the gateway starts.',
  ),
  STATE_KEY: optional(
    values.digestKey,
    'a key created in DATA_DIR',
    'Secret key that encrypts the state that clients carry from one request to the next; gateways that serve the same clients must share it.',
  ),
  TRUST_AGENT_HEADER: setting(
    values.tenantList,
    '',
    'Tenants whose `x-agent-name` header is trusted even if the token does not list the name.',
  ),
}

const limits = {
  CALL_STAGES: setting(
    values.pathList,
    '',
    'Modules with custom stages that every call passes through, in this order; see docs/stages.md.',
  ),
  CALL_TIMEOUT_MS: setting(
    integer(1, 300_000),
    '60000',
    'Timeout for a call, in milliseconds, unless the server or tool sets one.',
  ),
  CONNECT_TIMEOUT_MS: setting(
    integer(1, 300_000),
    '20000',
    'Timeout for connecting to a server, in milliseconds; programs have at least a minute, see lifecycle.startTimeoutMs.',
  ),
  START_CONCURRENCY: setting(
    integer(1, 1000),
    '8',
    'Maximum number of programs that start at the same time, and of endpoints that are connected at the same time; slow ones make room for others.',
  ),
  MAX_OWN_CONNECTIONS: setting(
    integer(1, 100_000),
    '100',
    'Maximum number of callers with a separate connection or process to one server; at a server for all tenants, each tenant may use a quarter of them.',
  ),
  DRAIN_TIMEOUT_MS: setting(
    integer(0, 600_000),
    '7000',
    'Time that calls in flight have to complete at shutdown, in milliseconds.',
  ),
  MAX_BODY_BYTES: setting(integer(1024, 67_108_864), '4194304', 'Maximum size of a request body, in bytes.'),
  MAX_UPSTREAM_MESSAGE_BYTES: setting(
    integer(1024, 268_435_456),
    '10485760',
    'Maximum size of a message from a server, in bytes.',
  ),
  ...connections,
}

const observation = {
  AUDIT_QUEUE_LIMIT: setting(
    integer(1, 1_000_000),
    '10000',
    'Maximum number of usage records in the write queue; beyond it calls are rejected.',
  ),
  AUDIT_SPOOL_MAX_BYTES: setting(
    integer(65_536, 1_099_511_627_776),
    '67108864',
    'Maximum size of the usage records on disk that wait for Firestore, in bytes; beyond it calls are rejected.',
  ),
  AUDIT_DIGEST_KEY: optional(
    values.digestKey,
    'a key created in DATA_DIR',
    'Secret key of the digests of arguments; replicas that share a database must share it.',
  ),
  AUDIT_RETENTION_DAYS: setting(integer(1, 36_500), '90', 'Age at which usage records are deleted, in days.'),
  LOG_LEVEL: setting(
    oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    'info',
    'Minimum severity of log lines; at a terminal, `info` shows the welcome instead of the lines below `warn`.',
  ),
  LOG_FORMAT: setting(
    oneOf(['auto', 'json', 'pretty']),
    'auto',
    'Format of log lines; `auto`: readable on a terminal, else JSON.',
  ),
  METRICS_PORT: setting(
    values.portOrOff,
    '9464',
    'Port of `/metrics`; 0 takes any free one, `off` disables it.',
  ),
  METRICS_HOST: setting(values.hostAddress, '127.0.0.1', 'Address of `/metrics`.'),
}

/** The settings by topic, in the order of the documentation. */
export const SECTIONS: Readonly<Record<string, Readonly<Record<string, z.ZodType>>>> = {
  Address: address,
  Data: data,
  Identity: identity,
  Secrets: secrets,
  'Kubernetes discovery': kubernetes,
  'Limits and deadlines': limits,
  'Installing packages': install,
  'Enhancement and caches': enhancement,
  'Records, log and metrics': observation,
}

/** The one schema of all settings: name of the environment variable to its value. */
export const settingsSchema = z.object({
  ...address,
  ...data,
  ...identity,
  ...secrets,
  ...kubernetes,
  ...limits,
  ...install,
  ...enhancement,
  ...observation,
})

/** Name of an environment variable that is a setting. */
export type SettingName = keyof typeof settingsSchema.shape
/** The value of each environment variable, parsed and with defaults. */
export type SettingValues = z.output<typeof settingsSchema>
