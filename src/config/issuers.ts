import { z } from 'zod'
import { shortText, tenantId, algorithm, trustworthyUrl } from './values.ts'

const claimNames = z.strictObject({
  tenant: shortText,
  roles: shortText,
  scope: shortText,
  agent: shortText,
  agents: shortText,
})

/** A member of OIDC_ISSUERS. What is absent is taken from the settings for one issuer; `tenants` has to be written. */
export const issuerEntry = z.strictObject({
  issuer: trustworthyUrl,
  audience: shortText.optional(),
  jwksUrl: trustworthyUrl.optional(),
  tenants: z.union([z.literal('*'), z.array(tenantId).min(1)]),
  algorithms: z.array(algorithm).min(1).optional(),
  claims: claimNames.partial().default({}),
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
  expected: 'a JSON array of `{issuer, audience?, jwksUrl?, tenants, algorithms?, claims?}`',
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
}

/** What holds for an issuer that does not say otherwise. */
export type IssuerDefaults = Pick<IssuerSettings, 'audience' | 'algorithms' | 'claims'>

/** An entry with the defaults for what it leaves out. */
export function issuerSettings(
  { jwksUrl, ...entry }: z.output<typeof issuerEntry>,
  defaults: IssuerDefaults,
): IssuerSettings {
  const claims = Object.entries(entry.claims).filter(([, name]) => name !== undefined)
  return {
    issuer: entry.issuer,
    audience: entry.audience ?? defaults.audience,
    ...(jwksUrl !== undefined && { jwksUrl }),
    tenants: entry.tenants,
    algorithms: entry.algorithms ?? [...defaults.algorithms],
    claims: { ...defaults.claims, ...Object.fromEntries(claims) },
  }
}
