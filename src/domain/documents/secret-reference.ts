import { ALL_TENANTS } from '../principal.ts'

/** A secret that a registry document names instead of holding it: `secret://<name>` or `secret://<name>#<version>`. */
export interface SecretReference {
  /** As written, without `#latest`; equal texts mean the same secret. It may be shown to operators. */
  readonly text: string
  /** Whose documents may use it: a tenant id, or `*` for documents of all tenants. */
  readonly tenantId: string
  /** `<tenant>_<rest>`, or `SHARED_<rest>` for documents of all tenants. */
  readonly name: string
  /** A number or an alias; undefined for the latest version. */
  readonly version: string | undefined
}

/** Comes to the present value of a secret. @throws SecretRefused */
export type ResolveSecret = (reference: SecretReference) => Promise<string>

/**
 * Why a secret is unavailable. `missing`, `denied` and `disabled` are answers of the source, `invalid` means an
 * unusable value; with `unavailable` the source did not answer, so an earlier value may still be valid.
 */
export type SecretProblem = 'missing' | 'denied' | 'disabled' | 'invalid' | 'unavailable'

/** A secret is unavailable. The message names the reference and the reason, and contains nothing of any value. */
export class SecretRefused extends Error {
  override readonly name = 'SecretRefused'
  readonly problem: SecretProblem

  constructor(reference: { readonly text: string }, problem: SecretProblem, reason: string) {
    super(`${reference.text}: ${reason}`)
    this.problem = problem
  }
}

/** The parts of a server in which secrets may be named. */
export interface SecretUser {
  readonly tenantId: string
  readonly args?: readonly string[] | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly auth?:
    | { readonly kind: 'none' }
    | { readonly kind: 'bearer'; readonly token: string }
    | { readonly kind: 'headers'; readonly headers: Readonly<Record<string, string>> }
    | { readonly kind: 'oauth'; readonly clientSecret?: string | undefined }
    | ({ readonly kind: 'client_credentials' } & ProvenClient)
    | ({
        readonly kind: 'token_exchange'
        readonly identityAssertion?: ProvenClient | undefined
      } & ProvenClient)
    | { readonly kind: 'gateway_assertion' }
    | undefined
}

/** How a client proves who it is. */
interface ProvenClient {
  readonly clientSecret?: string | undefined
  readonly privateKey?: string | undefined
}

const SCHEME = 'secret://'
const OF_ALL_TENANTS = 'SHARED'
/**
 * Tenant ids have no underscore and no capitals, so the first underscore ends the tenant, and no tenant is called
 * SHARED: a name has one owner, and all names of an owner, and no others, begin alike. These are legal ids in Secret
 * Manager.
 */
const NAME = /^(SHARED|[a-z0-9][a-z0-9-]{0,62})_[A-Za-z0-9_-]{1,180}$/
const VERSION = /^[A-Za-z0-9_-]{1,63}$/

/** The owner of a secret's name: a tenant id, or `*`; undefined when it is no legal name. */
export function secretOwner(name: string): string | undefined {
  const owner = NAME.exec(name)?.[1]
  return owner === OF_ALL_TENANTS ? ALL_TENANTS : owner
}

/** The reference that a value is, as a whole; undefined for any other value. */
export function parseSecretReference(value: string): SecretReference | undefined {
  if (!value.startsWith(SCHEME)) return undefined
  const [name = '', written, ...rest] = value.slice(SCHEME.length).split('#')
  const tenantId = secretOwner(name)
  if (tenantId === undefined || rest.length > 0) return undefined
  if (written !== undefined && !VERSION.test(written)) return undefined
  const version = written === 'latest' ? undefined : written
  return { text: `${SCHEME}${name}${version === undefined ? '' : `#${version}`}`, tenantId, name, version }
}

/** What is wrong with a value of a server of `tenantId`, as half a sentence; undefined for one that may be used. */
export function secretProblem(value: string, tenantId: string): string | undefined {
  if (!value.toLowerCase().includes(SCHEME)) return undefined
  const reference = parseSecretReference(value)
  if (reference === undefined) {
    return 'not a secret reference: expected secret://<tenant>_<name> or secret://<tenant>_<name>#<version>, and nothing else'
  }
  if (reference.tenantId === tenantId) return undefined
  const prefix = tenantId === ALL_TENANTS ? OF_ALL_TENANTS : tenantId
  return `${reference.text} may not be used here: a document of tenant ${tenantId} may use secrets named ${prefix}_…`
}

/** Every place of a server whose value may name a secret, with that value. */
export function secretPlaces({ env, headers, auth }: SecretUser): { path: string[]; value: string }[] {
  return [
    ...places(['env'], env),
    ...places(['headers'], headers),
    ...(auth?.kind === 'bearer' ? [{ path: ['auth', 'token'], value: auth.token }] : []),
    ...clientPlaces(auth),
    ...places(['auth', 'headers'], auth?.kind === 'headers' ? auth.headers : undefined),
  ]
}

function clientPlaces(auth: SecretUser['auth']): { path: string[]; value: string }[] {
  if (auth?.kind === 'oauth') return proofPlaces(['auth'], auth)
  if (auth?.kind === 'client_credentials') return proofPlaces(['auth'], auth)
  if (auth?.kind !== 'token_exchange') return []
  const second = auth.identityAssertion
  return [
    ...proofPlaces(['auth'], auth),
    ...(second === undefined ? [] : proofPlaces(['auth', 'identityAssertion'], second)),
  ]
}

function proofPlaces(
  path: readonly string[],
  { clientSecret, privateKey }: ProvenClient,
): { path: string[]; value: string }[] {
  return [
    ...(clientSecret === undefined ? [] : [{ path: [...path, 'clientSecret'], value: clientSecret }]),
    ...(privateKey === undefined ? [] : [{ path: [...path, 'privateKey'], value: privateKey }]),
  ]
}

/** Everything that is wrong with how a server names secrets. */
export function secretProblems(server: SecretUser): { path: (string | number)[]; message: string }[] {
  const wrong = secretPlaces(server).flatMap(({ path, value }) => {
    const message = secretProblem(value, server.tenantId)
    return message === undefined ? [] : [{ path, message }]
  })
  const misplaced = (server.args ?? []).flatMap((value, index) =>
    value.toLowerCase().includes(SCHEME)
      ? [{ path: ['args', index], message: 'secrets can be named in env, headers and auth only' }]
      : [],
  )
  return [...wrong, ...misplaced]
}

/** The secrets that a server names, each once. */
export function secretsOf(server: SecretUser): SecretReference[] {
  const found = secretPlaces(server).flatMap(({ value }) => parseSecretReference(value) ?? [])
  return [...new Map(found.map((reference) => [reference.text, reference])).values()]
}

function places(
  prefix: readonly string[],
  values: Readonly<Record<string, string>> = {},
): { path: string[]; value: string }[] {
  return Object.entries(values).map(([name, value]) => ({ path: [...prefix, name], value }))
}
