import { type Request, type Response, Router, urlencoded } from 'express'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { publicPath } from '../../domain/public-path.ts'
import type { BrowserSessions } from '../../identity/browser-sessions.ts'
import { html } from '../../domain/text/html.ts'
import { sendPage } from '../pages/page.ts'
import { HOME, returnPath } from './return-path.ts'
import type { SignInMethod } from './sign-in-method.ts'

interface SignInRoutesOptions {
  readonly sessions: BrowserSessions
  readonly publicUrl: string
  readonly method: SignInMethod
  /** Whether there are pages that a person can go on to. */
  readonly hasDashboard: boolean
}

/**
 * `GET /signin?return=/path`, where pages send browsers that nobody is signed in with, and `POST /signout`, a form with
 * the CSRF token of the session.
 */
export function signInRoutes({ sessions, publicUrl, method, hasDashboard }: SignInRoutesOptions): Router {
  const router = Router()
  router.get('/signin', async (request, response) => {
    const returnTo = returnPath(request.query['return'])
    if ((await sessions.read(request.headers.cookie)) === undefined)
      return await method.begin(response, { query: request.query, returnTo })
    const target = returnTo === HOME && hasDashboard ? '/dashboard' : returnTo
    if (target !== HOME) return response.redirect(303, publicPath(publicUrl, target))
    sendPage(response, {
      title: 'Signed in',
      content: html`<p>You are signed in. You can close this page.</p>`,
    })
  })
  router.post(
    '/signout',
    urlencoded({ extended: false, limit: '4kb', parameterLimit: 10 }),
    (request, response) => signOut(request, response, sessions),
  )
  router.use(method.routes)
  return router
}

async function signOut(request: Request, response: Response, sessions: BrowserSessions): Promise<void> {
  let isKept = true
  const session = await sessions.read(request.headers.cookie)
  if (session !== undefined) {
    const body: unknown = request.body
    if (!isJsonObject(body) || body['csrf'] !== session.csrfToken)
      throw new GatewayError('forbidden', 'The form has no csrf token of this session; reload the page')
    isKept = await sessions.end(session)
  }
  response.append('Set-Cookie', sessions.clear())
  const notKept = html`<p class="warn">
    The gateway could not keep this, because its store does not answer. A copy of the cookie of this browser
    may work again after a restart, and at other replicas, until the session would have ended.
  </p>`
  sendPage(response, {
    title: 'Signed out',
    content: html`<p>You are signed out in this browser.</p>
      ${isKept ? '' : notKept}`,
    status: isKept ? 200 : 503,
  })
}
