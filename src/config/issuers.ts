import { z } from 'zod'
import { parseSecretReference } from '../domain/documents/secret-reference.ts'
import { shortText, tenantId, algorithm, trustworthyUrl } from './values.ts'

/** How long a token may be valid, in hours. */
const integerHours = z.int().min(1).max(9600)

const claimNames = z.strictObject({
  tenant: shortText,
  roles: shortText,
  scope: shortText,
  agent: shortText,
  agents: shortText,
})

const signIn = z.strictObject({
  clientId: shortText,
  clientSecret: z
    .string()
    .refine((text) => parseSecretReference(text) !== undefined, 'expected secret://<tenant>_<name>')
    .optional(),
  scopes: z.array(shortText).min(1).optional(),
  roles: z.record(shortText, z.array(shortText).max(100)).optional(),
})

/** How people sign in with an identity provider: the gateway is its client. */
export interface SignInSettings {
  readonly clientId: string
  /** A reference to a secret, or, from OIDC_CLIENT_SECRET, the secret itself; absent for a public client. */
  readonly clientSecret?: string | undefined
  readonly scopes?: readonly string[] | undefined
  /** Roles by the name of a group; absent: the roles claim has roles. */
  readonly roles?: Readonly<Record<string, readonly string[]>> | undefined
}

/** A member of OIDC_ISSUERS. What is absent is taken from the settings for one issuer; `tenants` has to be written. */
export const issuerEntry = z.strictObject({
  issuer: trustworthyUrl,
  audience: shortText.optional(),
  jwksUrl: trustworthyUrl.optional(),
  tenants: z.union([z.literal('*'), z.array(tenantId).min(1)]),
  algorithms: z.array(algorithm).min(1).optional(),
  claims: claimNames.partial().default({}),
  signIn: signIn.optional(),
  rolesFromText: z.boolean().optional(),
  requiredClaims: z.record(shortText, shortText).optional(),
  maxTokenHours: integerHours.optional(),
})

/** The value of OIDC_ISSUERS. */
export const issuerEntries = {
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
  expected:
    'a JSON array of `{issuer, audience?, jwksUrl?, tenants, algorithms?, claims?, signIn?, rolesFromText?, requiredClaims?, maxTokenHours?}`',
}

/** Names of the claims of a token that carry what the gateway needs. */
export type ClaimNames = Readonly<z.output<typeof claimNames>>

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
  /** Absent: people do not sign in with it. */
  readonly signIn?: SignInSettings
  /** Whether a roles claim that is one text counts as a list of one. */
  readonly rolesFromText?: boolean
  /** Claims that a token must have, each with exactly this text. */
  readonly requiredClaims?: Readonly<Record<string, string>>
  /** The longest lifetime of its tokens, in hours. */
  readonly maxTokenHours: number
}

/** What holds for an issuer that does not say otherwise. */
export type IssuerDefaults = Pick<IssuerSettings, 'audience' | 'algorithms' | 'claims' | 'maxTokenHours'>

/** An entry with the defaults for what it leaves out. */
export function issuerSettings(
  {
    jwksUrl,
    rolesFromText,
    requiredClaims,
    ...entry
  }: Omit<z.output<typeof issuerEntry>, 'signIn'> & { readonly signIn?: SignInSettings | undefined },
  defaults: IssuerDefaults,
): IssuerSettings {
  const claims = Object.entries(entry.claims).filter(([, name]) => name !== undefined)
  return {
    issuer: entry.issuer,
    audience: entry.audience ?? defaults.audience,
    ...(jwksUrl !== undefined && { jwksUrl }),
    tenants: entry.tenants,
    ...(entry.signIn !== undefined && { signIn: entry.signIn }),
    algorithms: entry.algorithms ?? [...defaults.algorithms],
    claims: { ...defaults.claims, ...Object.fromEntries(claims) },
    maxTokenHours: entry.maxTokenHours ?? defaults.maxTokenHours,
    ...(rolesFromText !== undefined && { rolesFromText }),
    ...(requiredClaims !== undefined && { requiredClaims }),
  }
}
