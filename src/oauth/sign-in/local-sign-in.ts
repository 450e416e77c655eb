import { type Response, Router, urlencoded } from 'express'
import type { Clock } from '../../domain/clock.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { publicPath } from '../../domain/public-path.ts'
import type { BrowserSessions } from '../../identity/browser-sessions.ts'
import { localOwner } from '../../identity/browser/local-owner.ts'
import type { OneTimeCodes } from '../../identity/browser/one-time-codes.ts'
import { html } from '../../domain/text/html.ts'
import { type Page, sendPage } from '../pages/page.ts'
import { HOME, returnPath } from './return-path.ts'
import type { SignInMethod } from './sign-in-method.ts'

const SESSION_MS = 7 * 86_400_000
/** Anybody on this machine can make the gateway print a link. */
const LINK_EVERY_MS = 5000
const MAX_CODE = 100

/** What the sign-in of the embedded mode uses. */
export interface LocalSignInOptions {
  readonly sessions: BrowserSessions
  readonly codes: OneTimeCodes
  readonly publicUrl: string
  readonly tenantId: string
  /** Shows a one-time link to the person at the terminal. */
  readonly onLink: (url: string) => void
  readonly clock: Clock
}

/** The link that signs a browser in with a one-time code. */
export function signInLink(publicUrl: string, code: string, returnTo = HOME): string {
  const query = new URLSearchParams({ code, ...(returnTo !== HOME && { return: returnTo }) })
  return `${publicUrl}/signin?${query.toString()}`
}

/**
 * The sign-in of the embedded mode: one page with one button, for a person with a one-time link of the terminal. Other
 * programs and users of this machine reach the page, too, so that the button alone proves nothing.
 */
export class LocalSignIn implements SignInMethod {
  readonly routes: Router
  readonly #options: LocalSignInOptions
  #linkShownAt = -Infinity

  constructor(options: LocalSignInOptions) {
    this.#options = options
    this.routes = Router()
    this.routes.post(
      '/signin',
      urlencoded({ extended: false, limit: '16kb', parameterLimit: 10 }),
      (request, response) => this.#submit(response, isJsonObject(request.body) ? request.body : {}),
    )
  }

  begin(response: Response, { query, returnTo }: { query: unknown; returnTo: string }): void {
    const { code } = isJsonObject(query) ? query : {}
    if (typeof code !== 'string' || code.length > MAX_CODE) {
      this.#showLink(returnTo)
      return sendPage(response, askForCode({ ...this.#options, returnTo }))
    }
    if (this.#options.codes.isValid(code))
      return sendPage(response, oneButton({ ...this.#options, code, returnTo }))
    this.#showLink(returnTo)
    sendPage(
      response,
      askForCode({ ...this.#options, returnTo, problem: 'This link has expired or was used.' }),
    )
  }

  #submit(response: Response, body: Readonly<Record<string, unknown>>): void {
    const { sessions, codes, publicUrl, tenantId, clock } = this.#options
    const returnTo = returnPath(body['return'])
    const code = codeIn(body['code'])
    if (!codes.redeem(code)) {
      const problem = 'This code is not valid: it has expired, was used, or is incomplete.'
      return sendPage(response, askForCode({ publicUrl, returnTo, problem, status: 403 }))
    }
    response.append('Set-Cookie', sessions.issue(localOwner(tenantId, clock.now() + SESSION_MS)))
    response.redirect(303, publicPath(publicUrl, returnTo))
  }

  #showLink(returnTo: string): void {
    const { codes, publicUrl, onLink, clock } = this.#options
    if (clock.monotonic() - this.#linkShownAt < LINK_EVERY_MS) return
    this.#linkShownAt = clock.monotonic()
    onLink(signInLink(publicUrl, codes.issue(), returnTo))
  }
}

/** A code that a person typed or pasted, which may be the whole link. */
function codeIn(value: unknown): string {
  const text = typeof value === 'string' ? value.trim() : ''
  const code = /[?&]code=([\w-]+)/.exec(text)?.[1] ?? text
  return code.length > MAX_CODE ? '' : code
}

interface Form {
  readonly publicUrl: string
  readonly returnTo: string
}

function oneButton({ publicUrl, returnTo, code }: Form & { code: string }): Page {
  return {
    title: 'Sign in',
    content: html`<p>Sign in to the gateway on this machine, as its owner.</p>
      <form method="post" action="${publicPath(publicUrl, '/signin')}">
        <input type="hidden" name="code" value="${code}" />
        <input type="hidden" name="return" value="${returnTo}" />
        <div class="actions"><button class="main" autofocus>Sign in</button></div>
      </form>`,
  }
}

function askForCode({
  publicUrl,
  returnTo,
  problem,
  status,
}: Form & { problem?: string; status?: number }): Page {
  return {
    title: 'Sign in',
    ...(status !== undefined && { status }),
    content: html`${problem === undefined ? undefined : html`<p class="warn" role="alert">${problem}</p>`}
      <p>
        The gateway has just printed a link in its terminal: open it, or paste it here. Another one comes from
        <code>tool-gateway signin</code>, which is <code>npm run tg -- signin</code> in its folder.
      </p>
      <form method="post" action="${publicPath(publicUrl, '/signin')}">
        <label
          >Link or code
          <input type="text" name="code" autocomplete="off" spellcheck="false" autofocus required
        /></label>
        <input type="hidden" name="return" value="${returnTo}" />
        <div class="actions"><button class="main">Sign in</button></div>
      </form>`,
  }
}
