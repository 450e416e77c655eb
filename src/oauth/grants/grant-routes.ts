import { type Request, type Response, Router } from 'express'
import type { Administration, AdministrativeAct } from '../../audit/administration.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import { type Identity, identityOf } from '../../identity/identity.ts'
import type { Grant } from './grant.ts'
import type { GrantFilter, Grants } from './grants.ts'

interface GrantRoutesOptions {
  readonly grants: Grants
  readonly revoke: (grant: Grant) => Promise<void>
  readonly acts: Administration
}

const MAX_TEXT = 2048

/**
 * `GET /v1/grants` and `DELETE /v1/grants/{id}`: what the caller allowed clients, and the end of it. Operators see and
 * end those of their whole tenant, also all of a `subject` or `clientId` (`DELETE /v1/grants?subject=`).
 */
export function grantRoutes({ grants, revoke, acts }: GrantRoutesOptions): Router {
  const router = Router()
  const end = (actor: Identity, grant: Grant): Promise<void> =>
    acts.perform(
      actor,
      () => revoke(grant),
      () => revocation(grant),
    )

  router.get('/grants', async (request, response) => {
    const { principal } = identityOf(response)
    const page = await grants.list(filterOf(request, principal), { after: textIn(request, 'cursor') })
    response.json({
      grants: page.grants.map(shown),
      ...(page.next !== undefined && { nextCursor: page.next }),
    })
  })

  router.delete('/grants', async (request, response) => {
    const identity = identityOf(response)
    const { principal } = identity
    const filter = filterOf(request, principal)
    if (filter.clientId === undefined && request.query['subject'] === undefined)
      throw new GatewayError('invalid_request', 'Expected the query parameter subject, clientId, or both')
    let revoked = 0
    for await (const grant of grants.all(filter)) {
      await end(identity, grant)
      revoked += 1
    }
    response.json({ revoked })
  })

  router.delete('/grants/:id', async (request, response) => {
    const identity = identityOf(response)
    const grant = await grantOf(grants, identity.principal, request.params.id)
    if (grant === undefined) throw new GatewayError('not_found', 'Unknown grant')
    await end(identity, grant)
    response.status(204).end()
  })

  router.all(['/grants', '/grants/:id'], (request: Request, response: Response) => {
    const allowed = request.path === '/grants' ? 'GET, DELETE' : 'DELETE'
    response.setHeader('Allow', allowed)
    throw new GatewayError(
      'method_not_allowed',
      `The method is ${request.method}; ${request.path} has ${allowed}`,
    )
  })
  return router
}

/** A person's own grants, or those that an operator asks for. @throws GatewayError `forbidden` */
function filterOf(request: Request, principal: Principal): GrantFilter {
  const { tenantId, subject: own } = principal
  const clientId = textIn(request, 'clientId')
  const subject = textIn(request, 'subject')
  if (principal.roles.includes('operator')) return { tenantId, subject, clientId }
  if (subject !== undefined && subject !== own)
    throw new GatewayError('forbidden', 'Grants of other people need the role operator')
  return { tenantId, subject: own, clientId }
}

async function grantOf(grants: Grants, principal: Principal, id: string): Promise<Grant | undefined> {
  const own = await grants.get(principal, id)
  if (own !== undefined || !principal.roles.includes('operator')) return own
  for await (const grant of grants.all({ tenantId: principal.tenantId })) if (grant.id === id) return grant
  return undefined
}

function textIn({ query }: Request, name: string): string | undefined {
  const value = query[name]
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT)
    throw new GatewayError('invalid_request', `${name}: expected one text of 1 to ${MAX_TEXT} characters`)
  return value
}

function revocation({ id, tenantId, subject, clientId }: Grant): AdministrativeAct {
  return { action: 'grant.revoke', object: { tenantId, name: id }, change: { of: subject, client: clientId } }
}

function shown(grant: Grant): JsonObject {
  const { createdAt, lastUsedAt, expiresAt, tenantId: _tenant, ...rest } = grant
  return {
    ...rest,
    createdAt: new Date(createdAt).toISOString(),
    lastUsedAt: new Date(lastUsedAt).toISOString(),
    expiresAt: new Date(expiresAt).toISOString(),
  }
}
