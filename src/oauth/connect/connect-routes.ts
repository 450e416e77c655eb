import { type Request, type Response, Router, urlencoded } from 'express'
import { requestIdOf } from '../../identity/identity.ts'
import type { Administration } from '../../audit/administration.ts'
import type { OpenCredentials } from '../../credentials/credentials-open.ts'
import { ConnectFailed } from '../../credentials/connect-failed.ts'
import { isOAuthServer, type OAuthServer } from '../../credentials/authorization/discovery.ts'
import type { ConsentLink } from '../../credentials/consent/consent-links.ts'
import { mayConnect } from '../../credentials/consent/may-connect.ts'
import { decide } from '../../domain/access-policy.ts'
import { isHttp, serverKey } from '../../domain/documents/server-definition.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import { publicPath } from '../../domain/public-path.ts'
import { type Snapshot, serverNamed } from '../../domain/snapshot.ts'
import type { BrowserSession, BrowserSessions } from '../../identity/browser-sessions.ts'
import { type Page, sendPage } from '../pages/page.ts'
import { connectedPage, consentPage, onwardPage, refusalPage } from './connect-pages.ts'

/** What the pages use on which people connect accounts. */
export interface ConnectOptions {
  readonly publicUrl: string
  readonly sessions: BrowserSessions
  readonly credentials: Pick<OpenCredentials, 'links' | 'flows' | 'clients'>
  readonly snapshot: () => Snapshot
  readonly acts: Administration
  /** An account was connected; its server can be asked what it offers. */
  readonly onConnected: (server: OAuthServer, principal: Principal) => void
}

const NAME = '/connect/:server'
const SERVER_NAME = /^[a-z][a-z0-9-]{0,39}$/
const MAX_CODE = 100
const REFUSED = 'Nothing was connected'
const OTHER_PERSON =
  'This link is for another person. Nothing was connected. If it is yours, sign out and sign in as the person for whom your agent works.'
const USED =
  'This link was used, or its ten minutes are over. The next call that needs the account gives you another one.'
const UNKNOWN = 'There is no server of that name that you can connect an account at.'

/** One request of a signed-in person about a server. */
interface Visit {
  readonly request: Request
  readonly response: Response
  readonly session: BrowserSession
  readonly server: OAuthServer
}

/**
 * `GET /connect/{server}`: the page on which a person connects an account, after an agent's call has led there or by
 * itself; `POST` begins the flow, `…/callback` ends it. A link is for one person, whom the browser has to belong to.
 */
export function connectRoutes(options: ConnectOptions): Router {
  const router = Router()
  const form = urlencoded({ extended: false, limit: '16kb', parameterLimit: 10 })
  router.get(`${NAME}/client.json`, (request, response, next) => {
    const name = request.params['server']
    if (!SERVER_NAME.test(name)) return next()
    response
      .set('Cache-Control', 'public, max-age=3600')
      .json(options.credentials.clients.metadataOf({ name }))
  })
  router.get(NAME, (request, response) => visited(options, request, response, showConsent))
  router.post(NAME, form, (request, response) => visited(options, request, response, begin))
  router.get(`${NAME}/callback`, (request, response) => visited(options, request, response, finish))
  return router
}

async function visited(
  options: ConnectOptions,
  request: Request,
  response: Response,
  answer: (options: ConnectOptions, visit: Visit) => Promise<Page>,
): Promise<void> {
  const session = await options.sessions.read(request.headers.cookie)
  if (session === undefined) {
    if (request.method !== 'GET')
      return sendPage(response, refusalPage(REFUSED, 'You are not signed in; open the link again.', 403))
    const query = new URLSearchParams({ return: request.originalUrl })
    return response.redirect(303, publicPath(options.publicUrl, `/signin?${query.toString()}`))
  }
  const server = serverFor(options.snapshot(), session.principal, String(request.params['server']))
  if (server === undefined) return sendPage(response, refusalPage('Unknown server', UNKNOWN, 404))
  try {
    sendPage(response, await answer(options, { request, response, session, server }))
  } catch (error) {
    if (!(error instanceof ConnectFailed)) throw error
    sendPage(response, refusalPage(REFUSED, sentence(error.message), 400))
  }
}

async function showConsent(
  { publicUrl, credentials }: ConnectOptions,
  { request, session, server }: Visit,
): Promise<Page> {
  const code = codeIn(request.query['link'])
  if (code === undefined) return consentPage(server, session, { publicUrl, code, link: undefined })
  const link = await credentials.links.look(code)
  const refusal = refusalOf(link, session.principal, server)
  return refusal ?? consentPage(server, session, { publicUrl, code, link })
}

async function begin(
  { credentials }: ConnectOptions,
  { request, response, session, server }: Visit,
): Promise<Page> {
  const body: unknown = request.body
  if (!isJsonObject(body) || body['csrf'] !== session.csrfToken)
    return refusalPage(REFUSED, 'The form is not one of this session; open the link again.', 403)
  const code = codeIn(body['link'])
  let scopes: readonly string[] = []
  if (code !== undefined) {
    const link = await credentials.links.look(code)
    const refusal = refusalOf(link, session.principal, server)
    if (refusal !== undefined) return refusal
    if (link === undefined || !(await credentials.links.take(code))) return refusalPage(REFUSED, USED, 410)
    ;({ scopes } = link)
  }
  const target = await credentials.flows.begin(server, session.principal, scopes)
  response.set('Refresh', `0; url=${target.href}`)
  return onwardPage(server, target)
}

async function finish({ credentials, acts, onConnected }: ConnectOptions, visit: Visit): Promise<Page> {
  const { request, response, session, server } = visit
  const { principal } = session
  const { searchParams } = new URL(request.originalUrl, 'http://gateway.invalid')
  const account = await acts.perform(
    { principal, requestId: requestIdOf(response) },
    () => credentials.flows.finish(server, principal, searchParams),
    () => ({
      action: 'connection.create',
      object: { tenantId: principal.tenantId, name: server.name },
      server: server.name,
    }),
  )
  onConnected(server, principal)
  return connectedPage(server, account.info.account)
}

/** Why a link connects nothing here; undefined when it does. */
function refusalOf(
  link: ConsentLink | undefined,
  principal: Principal,
  server: OAuthServer,
): Page | undefined {
  if (link === undefined) return refusalPage(REFUSED, USED, 410)
  const isOwn = link.tenantId === principal.tenantId && link.subject === principal.subject
  if (!isOwn) return refusalPage(REFUSED, OTHER_PERSON, 403)
  return link.server === serverKey(server) ? undefined : refusalPage(REFUSED, UNKNOWN, 404)
}

/** A server that a person may use, whichever agents may. */
function serverFor(snapshot: Snapshot, principal: Principal, name: string): OAuthServer | undefined {
  const server = serverNamed(snapshot, principal.tenantId, name)
  if (server === undefined || !isHttp(server) || !isOAuthServer(server)) return undefined
  const { effect, ruleId } = decide(
    principal,
    'list',
    { server: serverKey(server), kind: 'server' },
    snapshot,
  )
  const mayUse = effect === 'allow' || ruleId === 'server-agents'
  return mayUse && mayConnect(server, principal) ? server : undefined
}

function codeIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_CODE) : undefined
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
