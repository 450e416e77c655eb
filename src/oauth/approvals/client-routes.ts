import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { type Identity, identityOf } from '../../identity/identity.ts'
import type { ClientApproval, ClientApprovals } from '../clients/client-approvals.ts'
import { type ClientFacts, clientFacts } from '../clients/client-identity.ts'
import type { Grant } from '../grants/grant.ts'
import type { Grants } from '../grants/grants.ts'
import { type ClientGate, OPERATOR } from './client-gate.ts'

interface ClientRoutesOptions {
  readonly gate: ClientGate
  readonly approvals: ClientApprovals
  readonly grants: Grants
  readonly revoke: (grant: Grant) => Promise<void>
}

const decision = z.strictObject({ state: z.enum(['approved', 'denied']) })
const MAX_ID = 2048

/**
 * `GET /v1/clients` and `PUT /v1/clients/{clientId}`: which clients the people of the tenant may use. Who denies a client
 * ends all that it was allowed.
 */
export function clientRoutes({ gate, approvals, grants, revoke }: ClientRoutesOptions): Router {
  const router = Router()
  router.get('/clients', async (_request, response) => {
    const { principal } = operatorOf(response)
    response.json({ clients: (await approvals.list(principal.tenantId)).map(shown) })
  })

  router.put('/clients/:clientId', async (request: Request<{ clientId: string }>, response) => {
    const identity = operatorOf(response)
    const { tenantId } = identity.principal
    const { clientId } = request.params
    const given = decision.safeParse(request.body)
    if (!given.success)
      throw new GatewayError('invalid_request', 'Expected {"state": "approved"} or {"state": "denied"}')
    const client = factsOf(clientId, await approvals.get(tenantId, clientId))
    if (client === undefined)
      throw new GatewayError(
        'not_found',
        'Unknown client: it is neither one that people asked for nor the https address of a metadata document',
      )
    const approval = await gate.decide(client, given.data.state, identity)
    if (approval.state === 'denied')
      for await (const grant of grants.all({ tenantId, clientId })) await revoke(grant)
    response.json(shown(approval))
  })

  router.all(['/clients', '/clients/:clientId'], (request: Request, response: Response) => {
    const allowed = request.path === '/clients' ? 'GET' : 'PUT'
    response.setHeader('Allow', allowed)
    throw new GatewayError(
      'method_not_allowed',
      `The method is ${request.method}; ${request.path} has ${allowed}`,
    )
  })
  return router
}

/** @throws GatewayError `forbidden` */
function operatorOf(response: Response): Identity {
  const identity = identityOf(response)
  if (identity.principal.roles.includes(OPERATOR)) return identity
  throw new GatewayError('forbidden', `Clients of the tenant need the role ${OPERATOR}`)
}

/** A client that a person wants to use, or one that is known by the address of its metadata document. */
function factsOf(clientId: string, known: ClientApproval | undefined): ClientFacts | undefined {
  if (known !== undefined) {
    const { clientName: name, publisher, agent } = known
    return { clientId, name, publisher, agent }
  }
  const facts = clientFacts({ clientId, clientName: clientId })
  return clientId.length <= MAX_ID && facts.publisher !== undefined ? facts : undefined
}

function shown({ changedAt, ...approval }: ClientApproval): JsonObject {
  return { ...approval, changedAt: new Date(changedAt).toISOString() }
}
