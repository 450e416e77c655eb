import { type ErrorRequestHandler, type Request, type RequestHandler, type Response, Router } from 'express'
import type { Clock } from '../domain/clock.ts'
import type { HeldBytes } from '../domain/concurrency/held-bytes.ts'
import { ERRORS } from '../domain/errors/error-table.ts'
import { GatewayError, toGatewayError } from '../domain/errors/errors.ts'
import { retryAfterOf } from '../domain/errors/retry-after.ts'
import { publicPath } from '../domain/public-path.ts'
import { requestIdOf } from '../identity/identity.ts'
import type { BrowserSession, BrowserSessions } from '../identity/browser-sessions.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { CallHistory } from '../telemetry/metrics/call-history.ts'
import { dashboardPage, openPage } from './markup/layout.ts'
import { allPages } from './pages/all-pages.ts'
import { homeBody } from './pages/home.ts'
import { problemBody } from './pages/problem.ts'
import { Assets } from './visit/assets.ts'
import { checkSameSite } from './visit/csrf.ts'
import { pageHeaders } from './visit/page-headers.ts'
import { readForm } from './visit/read-form.ts'
import { type AskRest, RestClient, RestProblem } from './visit/rest-client.ts'
import { sectionsOf } from './visit/sections.ts'
import type { Look } from './markup/page.ts'
import type { Answer, PageRoute, Visit } from './visit/visit.ts'

/** What pages are made from. */
export interface DashboardOptions {
  readonly publicUrl: string
  readonly sessions: Pick<BrowserSessions, 'read'>
  readonly rest: AskRest
  /** What pages show of the last hour; undefined where the dashboard is off, but for the pages that calls lead to. */
  readonly history: CallHistory | undefined
  /** Whether the settings have a registry of MCP servers to search. */
  readonly hasMcpRegistry: boolean
  /** Whether the registry has been read. */
  readonly hasSnapshot: () => boolean
  readonly maxBodyBytes: number
  /** Bounds large forms, with other large requests in progress. */
  readonly heldBytes: HeldBytes
  readonly clock: Clock
  readonly logger: Logger
}

/** Enough for names, reasons, and the environment of a server. */
const MAX_FORM_BYTES = 256 * 1024

/**
 * The pages for people with a browser: `/`, where programs get the answer that they always got, and `/dashboard`, for
 * those who are signed in. Nothing here decides anything: each page asks the routes of REST as the person who looks.
 */
export function dashboardRoutes(options: DashboardOptions): Router {
  return new Dashboard(options).router
}

class Dashboard {
  readonly #options: DashboardOptions
  readonly #assets: Assets

  constructor(options: DashboardOptions) {
    this.#options = options
    this.#assets = new Assets(options)
  }

  get router(): Router {
    const router = Router()
    if (this.#options.history !== undefined)
      router.get('/', pageHeaders, forBrowsers, (request, response) => this.#home(request, response))
    router.use('/dashboard/assets', this.#assets.router)
    router.use('/dashboard', pageHeaders, this.#pages(), this.#problems)
    return router
  }

  #pages(): Router {
    const router = Router()
    const { maxBodyBytes, heldBytes } = this.#options
    const smallForm = readForm(Math.min(MAX_FORM_BYTES, maxBodyBytes), heldBytes)
    const largeForm = readForm(maxBodyBytes, heldBytes)
    for (const route of allPages(this.#options)) {
      const form = route.hasLargeForm === true ? largeForm : smallForm
      router[route.method](route.path, this.#signedIn, form, (request, response) =>
        this.#answer(route, request, response),
      )
    }
    if (this.#options.history !== undefined)
      router.use(this.#signedIn, () => {
        throw new GatewayError('not_found', 'There is no such page')
      })
    return router
  }

  readonly #signedIn: RequestHandler = async (request, response, next) => {
    const session = await this.#options.sessions.read(request.headers.cookie)
    if (session === undefined) return this.#signIn(request, response)
    if (!this.#options.hasSnapshot()) throw new GatewayError('not_ready')
    response.locals.browserSession = session
    next()
  }

  /** Parts of pages that ask for news are told so: a redirect would put the page to sign in into them. */
  #signIn(request: Request, response: Response): void {
    if (request.get('hx-request') !== undefined) response.sendStatus(401)
    else {
      const back = request.method === 'GET' ? request.originalUrl : '/dashboard'
      response.redirect(303, this.#at(`/signin?return=${encodeURIComponent(back)}`))
    }
  }

  async #answer(route: PageRoute, request: Request, response: Response): Promise<void> {
    const session = sessionOf(response)
    const visit = this.#visit(request, response, session)
    if (route.method === 'post') checkSameSite(request.headers, visit.form, session.csrfToken)
    this.#send(response, await route.answer(visit), visit)
  }

  async #home(request: Request, response: Response): Promise<void> {
    const look = this.#look(request)
    const session = this.#options.hasSnapshot()
      ? await this.#options.sessions.read(request.headers.cookie)
      : undefined
    const visit = session && this.#visit(request, response, session)
    const body = await homeBody({ visit, look, publicUrl: this.#options.publicUrl })
    response
      .type('html')
      .send(openPage('One endpoint for your MCP servers', body, look, session?.csrfToken).toString())
  }

  #send(response: Response, answer: Answer, visit: Visit): void {
    if ('to' in answer) response.redirect(303, this.#at(answer.to))
    else if ('fileName' in answer) response.attachment(answer.fileName).type(answer.type).send(answer.content)
    else {
      const { principal } = visit.identity
      const viewer = {
        ...principal,
        csrfToken: visit.csrfToken,
        sections: sectionsOf(principal, this.#options.history !== undefined),
      }
      const page = dashboardPage(answer, viewer, visit.look)
      response
        .status(answer.status ?? 200)
        .type('html')
        .send(page.toString())
    }
  }

  /** The last stop of every error on pages: in words, with the way back. */
  // Express tells error handlers by their four parameters.
  // oxlint-disable-next-line max-params
  readonly #problems: ErrorRequestHandler = (thrown: unknown, request, response, _next) => {
    const problem = asProblem(thrown)
    if (problem.code === 'internal') this.#options.logger.error({ err: thrown }, 'a page failed')
    const look = this.#look(request)
    response.status(problem.status)
    if (problem.retryAfter !== undefined) response.setHeader('Retry-After', problem.retryAfter)
    if (problem.code === 'not_ready') response.setHeader('Refresh', '2')
    response.type('html').send(openPage(problem.title, problemBody(problem, look), look).toString())
  }

  #visit(request: Request, response: Response, { principal, csrfToken }: BrowserSession): Visit {
    const identity = {
      principal,
      requestId: requestIdOf(response),
      clientName: 'dashboard',
      address: request.clientAddress,
      isPerson: true,
    }
    const abort = new AbortController()
    response.once('close', () => abort.abort())
    const url = new URL(request.originalUrl, 'http://gateway')
    return {
      identity,
      csrfToken,
      rest: new RestClient({ ask: this.#options.rest, identity, signal: abort.signal }),
      params: paramsOf(request),
      query: url.searchParams,
      form: new URLSearchParams(typeof request.body === 'string' ? request.body : ''),
      look: this.#look(request),
    }
  }

  #look({ headers: { cookie = '' } }: Request): Look {
    const cookies = cookie.split('; ')
    return {
      at: (path) => this.#at(path),
      asset: (name) => this.#assets.address(name),
      theme: (['light', 'dark'] as const).find((theme) => cookies.includes(`tg_theme=${theme}`)),
      nowMs: this.#options.clock.now(),
    }
  }

  #at(path: string): string {
    return publicPath(this.#options.publicUrl, path)
  }
}

declare global {
  namespace Express {
    interface Locals {
      /** Who is signed in in the browser; set by the pages and by nothing else. */
      browserSession?: BrowserSession
    }
  }
}

function sessionOf({ locals }: Response): BrowserSession {
  if (locals.browserSession === undefined) throw new GatewayError('missing_token')
  return locals.browserSession
}

/** Programs, which do not ask for HTML first, go on to what answers them. */
const forBrowsers: RequestHandler = (request, response, next) => {
  response.vary('Accept')
  next(request.accepts(['json', 'html']) === 'html' ? undefined : 'route')
}

function paramsOf({ params }: Request): Record<string, string> {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]))
}

function asProblem(thrown: unknown): RestProblem {
  if (thrown instanceof RestProblem) return thrown
  const error = toGatewayError(thrown)
  const { status, title } = ERRORS[error.code]
  return new RestProblem(status, { title, detail: error.message, code: error.code }, retryAfterOf(error))
}
