import { type Request, type Response, Router, urlencoded } from 'express'
import { requestIdOf } from '../../identity/identity.ts'
import type { Administration } from '../../audit/administration.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import { basePathOf, publicPath } from '../../domain/public-path.ts'
import type { BrowserSession, BrowserSessions } from '../../identity/browser-sessions.ts'
import type { KnownClients } from '../clients/known-clients.ts'
import type { Grants } from '../grants/grants.ts'
import { sendPage } from '../pages/page.ts'
import { accountId } from '../grants/account.ts'
import type { AuthorizationServer } from '../server/authorization-server.ts'
import { ENDPOINTS } from '../server/endpoints.ts'
import type { GrantLifetime } from '../server/provider-configuration.ts'
import { shownId } from '../server/shown-id.ts'
import type { ClientGate } from '../approvals/client-gate.ts'
import { waitingPage } from './waiting-page.ts'
import { consentPage } from './consent-page.ts'
import { type ConsentRequest, consentRequest } from './consent-request.ts'

/** What the consent of a person needs. */
export interface ConsentOptions {
  readonly server: AuthorizationServer
  /** Whether the tenant of the person lets it use the client. */
  readonly gate: ClientGate
  readonly sessions: BrowserSessions
  readonly grants: Grants
  readonly knownClients: KnownClients
  readonly catalog: Catalog
  readonly acts: Administration
  /** The scopes that mean something to a tenant. */
  readonly scopes: (tenantId: string) => ReadonlySet<string>
  readonly publicUrl: string
  readonly lifetime: GrantLifetime
  readonly clock: Clock
}

const PATH = `${ENDPOINTS.interaction}/:uid`

/** `GET` and `POST /oauth/interaction/{uid}`: the person allows what a client asks for, or does not. */
export function consentRoutes(options: ConsentOptions): Router {
  const router = Router()
  router.get(PATH, async (request, response) => {
    const session = await signedIn(options, request, response)
    if (session !== undefined) await show(options, { request, response, session })
  })
  const readForm = urlencoded({ extended: false, limit: '4kb', parameterLimit: 10 })
  router.post(PATH, readForm, async (request, response) => {
    const session = await signedIn(options, request, response)
    if (session !== undefined) await decide(options, { request, response, session })
  })
  return router
}

interface Visit {
  readonly request: Request
  readonly response: Response
  readonly session: BrowserSession
}

async function signedIn(
  { sessions, publicUrl }: ConsentOptions,
  request: Request,
  response: Response,
): Promise<BrowserSession | undefined> {
  const session = await sessions.read(request.headers.cookie)
  if (session === undefined) {
    const query = new URLSearchParams({ return: request.path }).toString()
    response.redirect(303, publicPath(publicUrl, `/signin?${query}`))
  }
  return session
}

async function show(options: ConsentOptions, { request, response, session }: Visit): Promise<void> {
  const { server, scopes, publicUrl } = options
  const asked = await consentRequest(
    await server.provider(),
    request,
    response,
    scopes(session.principal.tenantId),
  )
  if (await isRefused(options, asked, { request, response, session })) return
  const { principal, csrfToken } = session
  const { agent } = asked.client
  const servers = serversFor(options, asked, { ...principal, agent, scopes: asked.scopes })
  sendPage(response, consentPage({ request: asked, principal, agent, servers, csrfToken, publicUrl }))
}

/** Whether an operator has to approve the client first; the person is told so. */
async function isRefused(
  { gate, publicUrl }: ConsentOptions,
  { client }: ConsentRequest,
  { response, session: { principal } }: Visit,
): Promise<boolean> {
  const refusal = await gate.refusalOf(client, { principal, requestId: requestIdOf(response) })
  const approvalsUrl = `${publicUrl}/dashboard/approvals/clients`
  if (refusal !== undefined)
    sendPage(response, waitingPage(refusal, { tenantId: principal.tenantId, approvalsUrl }))
  return refusal !== undefined
}

/** The names of the servers that a client could use, at the addresses that it asks for. */
function serversFor(
  { catalog, publicUrl }: ConsentOptions,
  { resources }: ConsentRequest,
  principal: Principal,
): string[] {
  const base = basePathOf(publicUrl)
  const names = resources.flatMap((resource) => {
    const path = (URL.parse(resource)?.pathname ?? '').slice(base.length)
    const scope = /^\/(?:mcp|sse|ws)\/([^/]+)$/.exec(path)?.[1]
    return catalog.viewOf(principal, scope).servers.map(({ name }) => name)
  })
  return [...new Set(names)].toSorted()
}

async function decide(options: ConsentOptions, { request, response, session }: Visit): Promise<void> {
  const body: unknown = request.body
  const { csrf, decision } = isJsonObject(body) ? body : {}
  if (csrf !== session.csrfToken)
    throw new GatewayError('forbidden', 'The form has no csrf token of this session; reload the page')
  const provider = await options.server.provider()
  const known = options.scopes(session.principal.tenantId)
  const asked = await consentRequest(provider, request, response, known)
  if (decision !== 'allow') {
    const error = { error: 'access_denied', error_description: 'the person did not allow it' }
    return await provider.interactionFinished(request, response, error, { mergeWithLastSubmission: false })
  }
  if (await isRefused(options, asked, { request, response, session })) return
  const { principal } = session
  const actor = { principal, requestId: requestIdOf(response), clientName: asked.client.name }
  await options.gate.allowed(asked.client, actor)
  const grantId = await options.acts.perform(
    actor,
    () => allow(options, asked, principal),
    (id) => ({
      action: 'grant.create',
      object: { tenantId: principal.tenantId, name: id },
      change: { client: asked.client.clientId, scopes: [...asked.scopes], resources: [...asked.resources] },
    }),
  )
  const login = { accountId: accountId(session.principal), remember: false }
  await provider.interactionFinished(request, response, { login, consent: { grantId } })
}

/** Makes the grant. */
async function allow(
  { server, grants, knownClients, lifetime, clock }: ConsentOptions,
  { client, redirectUri, resources, scopes, others, personScopes }: ConsentRequest,
  { tenantId, subject, roles }: Principal,
): Promise<string> {
  const { Grant } = await server.provider()
  const { clientId, name, agent } = client
  const grant = new Grant({ accountId: accountId({ tenantId, subject }), clientId })
  grant.jti = shownId('grant')
  for (const resource of resources) {
    grant.addResourceScope(resource, scopes.join(' '))
    if (others.length > 0) grant.rejectResourceScope(resource, others.join(' '))
  }
  if (personScopes.length > 0) grant.addOIDCScope(personScopes.join(' '))
  const id = await grant.save()
  const now = clock.now()
  const lifetimeMs = lifetime.total * 1000
  await grants.add({
    id,
    tenantId,
    subject,
    roles: [...roles],
    clientId,
    clientName: name,
    agent,
    redirectUri,
    resources: [...resources],
    scopes: [...scopes],
    createdAt: now,
    lastUsedAt: now,
    expiresAt: now + lifetimeMs,
  })
  await knownClients.add(clientId, lifetimeMs)
  await server.keepClient(clientId, lifetime.total)
  return id
}
