import { z } from 'zod'
import { issuerEntry } from '../../config/issuers.ts'
import { guarded } from '../../domain/errors/guarded.ts'
import { misspelledFields } from '../../domain/documents/field-names.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'

const issuers = z.array(issuerEntry.omit({ tenants: true })).max(20)
const limit = z.int().min(1).max(1_000_000_000)
const quotas = z.strictObject({
  callsPerMinute: limit.optional(),
  callsPerDay: limit.optional(),
  concurrentCalls: limit.optional(),
  sessions: limit.optional(),
  servers: limit.optional(),
  shared: z.boolean().optional(),
})

/** The quotas of one tenant; without one there is no limit. */
export type TenantQuotas = z.output<typeof quotas>

const clientApproval = z.enum(['person', 'operator'])

/** What an operator of the platform writes about one tenant, in `tenants/{tenantId}` or the file's `tenants:`. */
export const tenantDocumentSchema = z.strictObject({
  displayName: z.string().max(200).optional(),
  /** Whether anybody may come in for the tenant, and its servers run. */
  enabled: z.boolean().default(true),
  issuers: issuers.default([]),
  trustAgentHeader: z.boolean().default(false),
  /** Who approves clients that a person wants to use: that person, or an operator first. */
  clientApproval: clientApproval.default('person'),
  quotas: quotas.default({}),
})

/** What a tenant may not do. */
export interface Restrictions {
  /** Set where the tenant is switched off. */
  readonly isDisabled?: true
  /** Set where an operator has to approve each client before people use it. */
  readonly needsOperatorForClients?: true
  /** An absent one is no limit. */
  readonly quotas: TenantQuotas
}

/**
 * What a document restricts. What is not understood, or has a wrong name, is taken for the safe one of two.
 * @param before the tenant as it was, if the document has problems: a restriction that it lacks stays then
 */
export function restrictionsOf(fields: JsonObject, before: Restrictions | undefined): Restrictions {
  const misspelled = misspelledFields(fields, Object.keys(tenantDocumentSchema.shape))
  const isSafe = (field: 'enabled' | 'clientApproval', open: unknown, was: boolean | undefined): boolean =>
    field in fields ? fields[field] !== open : misspelled.includes(field) || was === true
  const given = quotas.safeParse(fields['quotas'])
  return {
    ...(isSafe('enabled', true, before?.isDisabled) && { isDisabled: true }),
    ...(isSafe('clientApproval', 'person', before?.needsOperatorForClients) && {
      needsOperatorForClients: true,
    }),
    quotas: given.data ?? before?.quotas ?? {},
  }
}

/** The issuers of a document that are valid by themselves, each name once; never throws. */
export function validIssuers(value: unknown): z.output<typeof issuers> {
  return guarded(
    () => readIssuers(value),
    () => [],
  )
}

function readIssuers(value: unknown): z.output<typeof issuers> {
  const list = isJsonObject(value) ? value['issuers'] : undefined
  const valid = (Array.isArray(list) ? list.slice(0, 20) : []).flatMap((entry: unknown) => {
    const { data } = issuers.element.safeParse(entry)
    return data === undefined ? [] : [data]
  })
  return valid.filter(({ issuer }, index) => valid.findIndex((other) => other.issuer === issuer) === index)
}
