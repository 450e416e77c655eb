import { Router } from 'express'
import { z } from 'zod'
import type { RecordReader } from '../../audit/audit-store.ts'
import type { Outcome } from '../../audit/usage-record.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Tenant } from '../../registry/tenants.ts'
import type { RegistryStore } from '../../registry/registry-store.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { requireRole } from '../require-role.ts'
import { callerOf } from '../run.ts'

const OUTCOMES: readonly Outcome[] = ['ok', 'tool_error', 'error', 'denied', 'cancelled']

/** A tenant, what it may use and what it has used. */
export const tenantAnswer = z.object({
  tenantId: z.string(),
  quotas: z.record(z.string(), z.number()).describe('What has no entry has no limit'),
  issuers: z
    .array(z.object({ issuer: z.string(), audience: z.string(), algorithms: z.array(z.string()) }))
    .describe('Identity providers of this tenant alone'),
  use: z.object({
    from: z.iso.datetime().describe('The first of the month, in UTC'),
    calls: z.record(z.string(), z.number()).describe('Usage records of the month by outcome'),
    servers: z.number(),
    sessions: z.number().describe('Open sessions of this replica'),
  }),
})

/** What the route of the tenant uses. */
export interface TenantRouteOptions {
  readonly records: Pick<RecordReader, 'count'>
  readonly store: Pick<RegistryStore, 'list'>
  /** A tenant with a document; undefined for one without. */
  readonly tenantOf: (tenantId: string) => Tenant | undefined
  readonly sessions: { list(): readonly { readonly principal: { readonly tenantId: string } }[] }
  readonly clock: Clock
}

/** `GET /v1/tenant` for operators: quotas and identity providers of the tenant, and what it has used this month. */
export function tenantRoutes(options: TenantRouteOptions): Router {
  const router = Router()
  router.get('/tenant', requireRole('operator'), async (_request, response) => {
    response.json(await tenantFor(options, callerOf(response).principal.tenantId))
  })
  router.all('/tenant', methodNotAllowed('GET'))
  return router
}

async function tenantFor(
  { records, store, tenantOf, sessions, clock }: TenantRouteOptions,
  tenantId: string,
): Promise<z.input<typeof tenantAnswer>> {
  const { quotas = {}, issuers = [] } = tenantOf(tenantId) ?? {}
  const from = monthOf(clock.now())
  const counted = OUTCOMES.map(
    async (outcome) => [outcome, await records.count({ tenantId, outcome, from })] as const,
  )
  const documents = await store.list()
  return {
    tenantId,
    quotas: Object.fromEntries(
      Object.entries(quotas).flatMap(([name, limit]) => (typeof limit === 'number' ? [[name, limit]] : [])),
    ),
    issuers: issuers.map(({ issuer, audience, algorithms }) => ({
      issuer,
      audience,
      algorithms: [...algorithms],
    })),
    use: {
      from: new Date(from).toISOString(),
      calls: Object.fromEntries(await Promise.all(counted)),
      servers: documents.filter((document) => document.tenantId === tenantId).length,
      sessions: sessions.list().filter(({ principal }) => principal.tenantId === tenantId).length,
    },
  }
}

/** When the month of a time began, in milliseconds since the epoch. */
function monthOf(nowMs: number): number {
  const now = new Date(nowMs)
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1)
}
