import { type Request, type RequestHandler, Router } from 'express'
import { basePathOf, publicPath } from '../../domain/public-path.ts'
import type { BrowserSessions } from '../../identity/browser-sessions.ts'
import type { AuthorizationServer } from './authorization-server.ts'
import { BASE_SCOPE, ENDPOINTS } from './endpoints.ts'
import type { RequestLimits } from './request-limits.ts'

const WELL_KNOWN = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']
/** Anyone can send these bodies; an assertion of a client or a long code has a few KB. */
const MAX_BODY_BYTES = 16 * 1024
const MAX_QUERY = 5000
/** Of the provider's own cookies these two name a request under way; who is signed in is no matter of it. */
const PROVIDER_SESSION = ['tg_oauth=', 'tg_oauth.sig=']

interface ServerRoutesOptions {
  readonly server: AuthorizationServer
  readonly sessions: BrowserSessions
  readonly limits: RequestLimits
  readonly publicUrl: string
}

/** What programs ask: metadata, keys, registration, tokens, revocation. No cookie counts there. */
export function programRoutes({ server, limits, publicUrl }: ServerRoutesOptions): Router {
  const router = Router()
  const serve = serveWith(server)
  const base = basePathOf(publicUrl)
  for (const path of WELL_KNOWN) {
    // With the path of PUBLIC_URL behind it for RFC 8414, in front of it for OpenID Connect.
    router.get(base === '' ? path : [path, `${path}${base}`], (request, response) => {
      request.url = path
      return serve(request, response, () => undefined)
    })
  }
  router.get(ENDPOINTS.jwks, serve)
  router.post(ENDPOINTS.registration, limits.registrations, bounded('invalid_client_metadata'), serve)
  router.post(ENDPOINTS.token, limits.tokens, bounded('invalid_request'), serve)
  router.post(ENDPOINTS.revocation, limits.revocations, bounded('invalid_request'), serve)
  return router
}

/** What browsers of people ask: the authorization endpoint, and the way on from the consent. */
export function browserRoutes(options: ServerRoutesOptions): Router {
  const { server, limits } = options
  const router = Router()
  const serve = serveWith(server)
  router.get(
    ENDPOINTS.authorization,
    limits.authorizations,
    whenSignedIn(options),
    withBaseScope,
    withoutSession,
    serve,
  )
  router.get(`${ENDPOINTS.authorization}/:uid`, limits.authorizations, withoutSession, serve)
  return router
}

function serveWith(server: AuthorizationServer): RequestHandler {
  return (request, response) => server.handle(request, response)
}

/** Anonymous browsers leave no state: neither a request in progress, nor a client to look up. */
function whenSignedIn({ sessions, publicUrl }: ServerRoutesOptions): RequestHandler {
  return async ({ headers, url }, response, next) => {
    if ((await sessions.read(headers.cookie)) !== undefined) return next()
    const query = new URLSearchParams({ return: url }).toString()
    response.redirect(303, publicPath(publicUrl, `/signin?${query}`))
  }
}

/** Many clients ask for no scope at all, and others only for some that are not known here. */
const withBaseScope: RequestHandler = (request, _response, next) => {
  const url = new URL(request.url, 'http://gateway.invalid')
  if (url.search.length <= MAX_QUERY && url.searchParams.getAll('scope').length < 2) {
    const scopes = (url.searchParams.get('scope') ?? '').split(' ').filter((scope) => scope !== '')
    url.searchParams.set('scope', [...new Set([...scopes, BASE_SCOPE])].join(' '))
    request.url = `${url.pathname}${url.search}`
  }
  next()
}

const withoutSession: RequestHandler = (request: Request, _response, next) => {
  const { cookie } = request.headers
  if (cookie !== undefined) {
    const others = cookie
      .split(';')
      .filter((pair) => !PROVIDER_SESSION.some((name) => pair.trimStart().startsWith(name)))
    request.headers.cookie = others.join(';')
  }
  next()
}

/** Refuses with an error code of OAuth a body that is too large, or does not state its length. */
function bounded(error: 'invalid_client_metadata' | 'invalid_request'): RequestHandler {
  return ({ headers }, response, next) => {
    const length = Number(headers['content-length'] ?? Infinity)
    if (length <= MAX_BODY_BYTES) return next()
    const description = `the body has at most ${MAX_BODY_BYTES} bytes, and its length in content-length`
    response.status(413).json({ error, error_description: description })
  }
}
