import { type Request, type Response, Router } from 'express'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { Clock } from '../../domain/clock.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import { publicPath } from '../../domain/public-path.ts'
import type { BrowserSessions } from '../../identity/browser-sessions.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { html } from '../../domain/text/html.ts'
import { type Page, sendPage } from '../pages/page.ts'
import { personOf } from './person.ts'
import type { IssuerSettings } from '../../config/issuers.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { type Openid, ProviderClients, type SignInProvider } from './provider-client.ts'
import type { SignInMethod } from './sign-in-method.ts'
import type { SignInState, SignInStates } from './sign-in-state.ts'

const SESSION_MS = 8 * 60 * 60_000
const CALLBACK = '/signin/callback'

/** What the sign-in with identity providers uses. */
export interface ProviderSignInOptions {
  readonly sessions: BrowserSessions
  readonly states: SignInStates
  /** The providers of now. */
  readonly providers: () => readonly SignInProvider[]
  /** What requests to an issuer are sent with. */
  readonly outboundOf: (issuer: IssuerSettings) => Outbound
  readonly publicUrl: string
  readonly clock: Clock
  readonly logger: Logger
}

/** The sign-in of the cloud mode: at the identity provider of the person's tenant (OpenID Connect, code with PKCE). */
export class ProviderSignIn implements SignInMethod {
  readonly routes: Router
  readonly #options: ProviderSignInOptions
  readonly #clients: ProviderClients

  constructor(options: ProviderSignInOptions) {
    this.#options = options
    this.#clients = new ProviderClients(options)
    this.routes = Router()
    this.routes.get([CALLBACK, `${CALLBACK}/:key`], async (request, response) => {
      await this.#end(request, response)
    })
  }

  async begin(response: Response, { query, returnTo }: { query: unknown; returnTo: string }): Promise<void> {
    const { providers, publicUrl } = this.#options
    const asked = isJsonObject(query) ? query['tenant'] : undefined
    const tenant = typeof asked === 'string' ? asked.trim() : undefined
    const known = providers()
    const provider = providerFor(known, tenant)
    if (provider !== undefined) return await this.#lead(response, provider, returnTo)
    if (known.length === 0) return sendPage(response, noProvider)
    sendPage(response, askForTenant({ publicUrl, returnTo, isUnknown: tenant !== undefined }))
  }

  /** Sends the browser to the identity provider. */
  async #lead(response: Response, provider: SignInProvider, returnTo: string): Promise<void> {
    const openid = await import('openid-client')
    try {
      const configuration = await this.#clients.of(openid, provider)
      const verifier = openid.randomPKCECodeVerifier()
      const state = openid.randomState()
      const nonce = openid.randomNonce()
      const target = openid.buildAuthorizationUrl(configuration, {
        redirect_uri: this.#redirectUri(provider.key),
        scope: provider.scopes,
        code_challenge: await openid.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state,
        nonce,
      })
      const begun = { key: provider.key, issuer: provider.issuer.issuer, state, nonce, verifier, returnTo }
      response.append('Set-Cookie', this.#options.states.issue(begun))
      response.redirect(303, target.href)
    } catch (error) {
      this.#fail(response, error, provider)
    }
  }

  /** Takes the answer of the identity provider. */
  async #end(request: Request, response: Response): Promise<void> {
    const { sessions, states, publicUrl } = this.#options
    const begun = states.read(request.headers.cookie)
    response.append('Set-Cookie', states.clear())
    const key = typeof request.params['key'] === 'string' ? request.params['key'] : ''
    const provider = this.#options
      .providers()
      .find((each) => each.key === key && each.issuer.issuer === begun?.issuer)
    if (begun === undefined || begun.key !== key || provider === undefined)
      return sendPage(response, notBegun)
    try {
      const openid = await import('openid-client')
      const principal = await this.#person(openid, { request, provider, begun })
      response.append('Set-Cookie', sessions.issue(principal))
      response.redirect(303, publicPath(publicUrl, begun.returnTo))
    } catch (error) {
      this.#fail(response, error, provider)
    }
  }

  async #person(
    openid: Openid,
    { request, provider, begun }: { request: Request; provider: SignInProvider; begun: SignInState },
  ): Promise<Principal> {
    const configuration = await this.#clients.of(openid, provider)
    const { search } = new URL(request.url, 'http://gateway.invalid')
    const tokens = await openid.authorizationCodeGrant(
      configuration,
      new URL(`${this.#redirectUri(provider.key)}${search}`),
      {
        pkceCodeVerifier: begun.verifier,
        expectedState: begun.state,
        expectedNonce: begun.nonce,
        idTokenExpected: true,
      },
    )
    const claims = tokens.claims()
    if (claims === undefined)
      throw new GatewayError('invalid_token', 'The identity provider sent no ID token.')
    // Many providers put groups there only.
    const more =
      configuration.serverMetadata().userinfo_endpoint === undefined
        ? {}
        : await openid.fetchUserInfo(configuration, tokens.access_token, claims.sub)
    return personOf(provider, { ...more, ...claims }, this.#options.clock.now() + SESSION_MS)
  }

  #redirectUri(key: string): string {
    return `${this.#options.publicUrl}${CALLBACK}${key === '' ? '' : `/${key}`}`
  }

  #fail(response: Response, error: unknown, { issuer: { issuer } }: SignInProvider): void {
    this.#options.logger.warn({ err: error, issuer }, 'a person could not be signed in')
    sendPage(response, failed)
  }
}

/** The provider of a tenant; without one, the only provider that there is. */
function providerFor(
  known: readonly SignInProvider[],
  tenant: string | undefined,
): SignInProvider | undefined {
  if (tenant === undefined) return known.length === 1 ? known[0] : undefined
  const own = known.find(({ issuer: { tenants } }) => tenants !== '*' && tenants.includes(tenant))
  return own ?? known.find(({ issuer: { tenants } }) => tenants === '*')
}

const noProvider: Page = {
  title: 'There is no sign-in here',
  status: 404,
  content: html`<p>
    No identity provider of this gateway is set up for people. An operator can change that.
  </p>`,
}

const notBegun: Page = {
  title: 'This sign-in was not begun here',
  status: 400,
  content: html`<p>
    It has expired, or was begun in another browser. Start again from the page that you wanted.
  </p>`,
}

const failed: Page = {
  title: 'The sign-in failed',
  status: 502,
  content: html`<p>
      The identity provider refused it, could not be reached, or does not know your organisation here.
    </p>
    <p class="soft">The log of the gateway has the reason. Start again from the page that you wanted.</p>`,
}

function askForTenant(options: { publicUrl: string; returnTo: string; isUnknown: boolean }): Page {
  const { publicUrl, returnTo, isUnknown } = options
  return {
    title: 'Sign in',
    // The form leads to the identity provider.
    formTargets: ['https:', 'http:'],
    content: html`${isUnknown ? html`<p class="warn" role="alert">This organisation has no sign-in here.</p>` : undefined}
      <form method="get" action="${publicPath(publicUrl, '/signin')}">
        <label
          >Organisation <input type="text" name="tenant" autocomplete="organization" autofocus required
        /></label>
        <input type="hidden" name="return" value="${returnTo}" />
        <div class="actions"><button class="main">Continue</button></div>
      </form>`,
  }
}
