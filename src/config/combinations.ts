import type { SettingName, SettingValues } from './schema.ts'
import { isLoopback } from '../domain/loopback.ts'
import { isWildcard } from './values.ts'

/** A setting that is wrong. Holds no value that could be a secret. */
export interface SettingProblem {
  /** Name of the environment variable; with a path for a part of a JSON value. */
  readonly name: string
  readonly expected: string
  readonly got?: string
}

/** What was read: values with defaults, which of them were given, and which of them were wrong. */
export interface Reading {
  readonly values: SettingValues
  readonly given: ReadonlySet<string>
  readonly wrong: ReadonlySet<string>
}

interface Rule {
  /** The settings that it looks at; when one of them is wrong by itself the rule says nothing. */
  readonly about: readonly [SettingName, ...SettingName[]]
  readonly holds: (values: SettingValues, given: ReadonlySet<string>) => boolean
  readonly expected: string
}

const ONLY_WITH_ISSUER = ['OIDC_JWKS_URL', 'OIDC_TENANTS', 'OIDC_CLIENT_ID'] as const
const ONLY_WITH_DISCOVERY = [
  'KUBERNETES_LABEL_SELECTOR',
  'KUBERNETES_NAMESPACES',
  'KUBERNETES_TENANT',
  'KUBERNETES_ADDRESSES',
] as const
const ONLY_WITH_FIRESTORE = ['FIRESTORE_DATABASE', 'REGISTRY_PROBE_MS'] as const

/** Whether the gateway issues tokens itself. */
export function hasLocalIssuer(values: Pick<SettingValues, 'LOCAL_ISSUER' | 'HOST' | 'STORE'>): boolean {
  if (values.LOCAL_ISSUER !== 'auto') return values.LOCAL_ISSUER === 'on'
  return isLoopback(values.HOST) && values.STORE === 'file'
}

/** Whether the authorization server inside is on. */
export function hasAuthorizationServer(
  values: Pick<SettingValues, 'OAUTH_SERVER' | 'LOCAL_ISSUER' | 'HOST' | 'STORE'>,
): boolean {
  return values.OAUTH_SERVER === 'auto' ? hasLocalIssuer(values) : values.OAUTH_SERVER === 'on'
}

/**
 * Identity providers are named by settings or by the tenants of the registry, which has not been read yet: with a file
 * somebody has to say that it is so, because a first start that lets nobody in is rather a mistake.
 */
function mayHaveIssuers(values: SettingValues): boolean {
  if (values.OIDC_ISSUER !== undefined || values.OIDC_ISSUERS !== undefined) return true
  return values.STORE === 'firestore' || values.LOCAL_ISSUER === 'off'
}

const RULES: readonly Rule[] = [
  {
    about: ['LOCAL_ISSUER', 'HOST'],
    holds: (values) => values.LOCAL_ISSUER !== 'on' || isLoopback(values.HOST),
    expected: '`auto` or `off` when HOST is not loopback: the local issuer never serves other machines',
  },
  {
    about: ['OIDC_ISSUER', 'OIDC_ISSUERS', 'LOCAL_ISSUER', 'HOST', 'STORE'],
    holds: (values) => hasLocalIssuer(values) || mayHaveIssuers(values),
    expected:
      'an identity provider (OIDC_ISSUER or OIDC_ISSUERS), because there is no local issuer here; or LOCAL_ISSUER=off when the tenants of the registry name theirs',
  },
  {
    about: ['PUBLIC_URL', 'HOST'],
    holds: (values) => values.PUBLIC_URL !== undefined || !isWildcard(values.HOST),
    expected: 'the URL that clients use, because HOST is a wildcard address',
  },
  {
    about: ['OIDC_ISSUERS', 'OIDC_ISSUER'],
    holds: (values) => {
      const names = [values.OIDC_ISSUER, ...(values.OIDC_ISSUERS ?? []).map((entry) => entry.issuer)]
      return new Set(names).size === names.length
    },
    expected: 'each issuer once, in OIDC_ISSUER and OIDC_ISSUERS together',
  },
  {
    about: ['OIDC_TENANTS', 'OIDC_ISSUER', 'OIDC_ISSUERS'],
    holds: (values, given) =>
      values.OIDC_ISSUER === undefined || values.OIDC_ISSUERS === undefined || given.has('OIDC_TENANTS'),
    expected: 'the tenants of OIDC_ISSUER, because there are several issuers',
  },
  {
    about: ['METRICS_PORT', 'PORT'],
    holds: (values) => values.METRICS_PORT !== values.PORT || values.PORT === 0,
    expected: 'another port than PORT',
  },
  {
    about: ['PROBE_PORT', 'PORT', 'METRICS_PORT'],
    holds: ({ PROBE_PORT: port, PORT, METRICS_PORT }) =>
      port === undefined || port === 0 || (port !== PORT && port !== METRICS_PORT),
    expected: 'another port than PORT and METRICS_PORT',
  },
  {
    about: ['GOOGLE_CLOUD_PROJECT', 'STORE'],
    holds: (values) => values.STORE === 'file' || values.GOOGLE_CLOUD_PROJECT !== undefined,
    expected: 'the project of the database, because STORE is `firestore`',
  },
  ...ONLY_WITH_FIRESTORE.map((name): Rule => ({
    about: [name, 'STORE'],
    holds: (values, given) => !given.has(name) || values.STORE === 'firestore',
    expected: 'to be unset unless STORE is `firestore`',
  })),
  ...ONLY_WITH_DISCOVERY.map((name): Rule => ({
    about: [name, 'KUBERNETES_DISCOVERY'],
    holds: (values, given) => !given.has(name) || values.KUBERNETES_DISCOVERY === 'on',
    expected: 'to be unset unless KUBERNETES_DISCOVERY is `on`',
  })),
  {
    about: ['KUBERNETES_TENANT', 'KUBERNETES_DISCOVERY', 'KUBERNETES_NAMESPACES', 'STORE'],
    holds: (values) => {
      const { KUBERNETES_NAMESPACES: namespaces, KUBERNETES_TENANT: tenantId } = values
      const isMapped = namespaces.length > 0 && namespaces.every((entry) => entry.tenantId !== undefined)
      const isOfFile = values.STORE === 'file'
      return values.KUBERNETES_DISCOVERY === 'off' || isOfFile || isMapped || tenantId !== undefined
    },
    expected:
      'the tenant of discovered servers, because STORE is `firestore`, or a tenant for each of KUBERNETES_NAMESPACES',
  },
  {
    about: ['APPROVAL_WEBHOOK_SECRET', 'APPROVAL_WEBHOOK_URL'],
    holds: (values) =>
      (values.APPROVAL_WEBHOOK_SECRET === undefined) === (values.APPROVAL_WEBHOOK_URL === undefined),
    expected: 'to be set together with APPROVAL_WEBHOOK_URL',
  },
  {
    about: ['STATE_KEY_PREVIOUS', 'STATE_KEY'],
    holds: (values, given) => !given.has('STATE_KEY_PREVIOUS') || values.STATE_KEY !== undefined,
    expected: 'to be unset unless STATE_KEY is set',
  },
  {
    about: ['REGISTRY_FILE', 'STORE'],
    holds: (values, given) => !given.has('REGISTRY_FILE') || values.STORE === 'file',
    expected: 'to be unset, because STORE is `firestore` and the registry is in Firestore',
  },
  ...(['SECRETS_FILE', 'SECRETS_ENV'] as const).map((name): Rule => ({
    about: [name, 'SECRETS_PROJECT'],
    holds: (values, given) => !given.has(name) || values.SECRETS_PROJECT === undefined,
    expected: 'to be unset, because SECRETS_PROJECT is set and the secrets are in Secret Manager',
  })),
  {
    about: ['SECRETS_PREFIX', 'SECRETS_PROJECT'],
    holds: (values, given) => !given.has('SECRETS_PREFIX') || values.SECRETS_PROJECT !== undefined,
    expected: 'to be unset unless SECRETS_PROJECT is set',
  },
  {
    about: ['OIDC_CLIENT_SECRET', 'OIDC_CLIENT_ID'],
    holds: (values, given) => !given.has('OIDC_CLIENT_SECRET') || values.OIDC_CLIENT_ID !== undefined,
    expected: 'to be unset unless OIDC_CLIENT_ID is set',
  },
  {
    about: ['STATE_KEY', 'OAUTH_SERVER', 'STORE'],
    holds: (values) =>
      values.OAUTH_SERVER !== 'on' || values.STORE === 'file' || values.STATE_KEY !== undefined,
    expected: 'a key that all gateways share, because OAUTH_SERVER is `on` and STORE is `firestore`',
  },
  ...ONLY_WITH_ISSUER.map((name): Rule => ({
    about: [name, 'OIDC_ISSUER'],
    holds: (values, given) => !given.has(name) || values.OIDC_ISSUER !== undefined,
    expected: 'to be unset unless OIDC_ISSUER is set',
  })),
]

/** Settings that are right one by one and wrong together, each named by the one that has to change. */
export function combinationProblems({ values, given, wrong }: Reading): SettingProblem[] {
  return RULES.filter(({ about }) => !about.some((name) => wrong.has(name)))
    .filter(({ holds }) => !holds(values, given))
    .map(({ about, expected }) => ({ name: about[0], expected }))
}
