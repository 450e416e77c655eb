import type { AuthResult } from '@modelcontextprotocol/client'
import { messageOf } from '../../domain/errors/errors.ts'
import type { CredentialsFile } from './credentials-file.ts'
import { LoopbackRedirect } from './loopback-redirect.ts'
import { type ClientIdentity, OAuthClient } from './oauth-client.ts'
import { patientFetch } from './patient-fetch.ts'
import { SignInError } from './sign-in-error.ts'

interface SignInOptions {
  /** The MCP server. */
  readonly server: URL
  readonly file: CredentialsFile
  readonly identity: ClientIdentity
  /** Scopes to ask for, in place of those that the server names. */
  readonly scope: string | undefined
  /** The port of the redirect URI; undefined for any. */
  readonly port: number | undefined
  readonly timeoutMs: number
  readonly fetch?: typeof patientFetch
  /** Sends the person to an address. */
  readonly open: (url: URL) => void
  /** Tells the person something. */
  readonly say: (text: string) => void
}

/** Why a token is not enough. */
interface Challenge {
  readonly scope: string | undefined
  readonly resourceMetadataUrl: URL | undefined
  /** Whether the token is good and lacks scopes, so that refreshing it would not do. */
  readonly isStepUp: boolean
}

/**
 * Signs a person in at an MCP server: by the refresh token that is stored, else in the browser. Several processes may do
 * so at the same time; one of them signs in, and all get its token.
 */
export class SignIn {
  readonly #options: SignInOptions
  #token: string | undefined
  #underWay: Promise<void> | undefined

  constructor(options: SignInOptions) {
    this.#options = options
  }

  /** Resolves when no sign-in is under way, however it ended. */
  async settled(): Promise<void> {
    await this.#underWay?.catch(() => undefined)
  }

  /** The access token; undefined until somebody has signed in. */
  async token(): Promise<string | undefined> {
    if (this.#underWay !== undefined) await this.#underWay
    this.#token ??= (await this.#options.file.read()).tokens?.access_token
    return this.#token
  }

  /**
   * Gets another token after a response said that `refused` is not enough.
   * @throws SignInError
   */
  async renew(refused: string | undefined, response: Response): Promise<void> {
    // Its module takes as long to load as all the rest, and most starts find a token that is still good.
    const { extractWWWAuthenticateParams } = await import('@modelcontextprotocol/client')
    const { scope, resourceMetadataUrl, error } = extractWWWAuthenticateParams(response)
    const challenge = { scope, resourceMetadataUrl, isStepUp: error === 'insufficient_scope' }
    this.#underWay ??= this.#renewOnce(refused, challenge).finally(() => (this.#underWay = undefined))
    await this.#underWay
  }

  async #renewOnce(refused: string | undefined, challenge: Challenge): Promise<void> {
    const { file, say } = this.#options
    try {
      await file.locked(
        () => this.#renewAlone(refused, challenge),
        () => say('Another process signs in at the same address; waiting for it.'),
      )
    } catch (error) {
      throw error instanceof SignInError ? error : new SignInError(messageOf(error), { cause: error })
    }
  }

  async #renewAlone(refused: string | undefined, challenge: Challenge): Promise<void> {
    const { file, port, identity } = this.#options
    const credentials = await file.read()
    const current = credentials.tokens?.access_token
    if (current !== undefined && current !== refused) {
      this.#token = current
      return
    }
    const redirect = await LoopbackRedirect.open(port ?? credentials.port)
    try {
      const { url: redirectUrl, port: used } = redirect
      const save = file.write.bind(file)
      const scope = this.#scopeFor(challenge, credentials.tokens?.scope)
      const client = new OAuthClient({ credentials, save, identity, scope, redirectUrl, port: used })
      await this.#authorize(client, redirect, { ...challenge, scope })
      this.#token = client.tokens()?.access_token
    } finally {
      redirect.close()
    }
  }

  /** Also what was granted before, where that is not enough: a client would lose it otherwise. */
  #scopeFor({ scope, isStepUp }: Challenge, granted: string | undefined): string | undefined {
    const asked = this.#options.scope
    return isStepUp ? union(asked, scope, granted) : (asked ?? union(scope))
  }

  async #authorize(client: OAuthClient, redirect: LoopbackRedirect, challenge: Challenge): Promise<void> {
    const { server, timeoutMs, open, say } = this.#options
    const { scope, resourceMetadataUrl, isStepUp } = challenge
    const common = {
      serverUrl: server,
      fetchFn: this.#options.fetch ?? patientFetch,
      ...(scope !== undefined && { scope }),
      ...(resourceMetadataUrl !== undefined && { resourceMetadataUrl }),
    }
    const { auth } = await import('@modelcontextprotocol/client')
    const result: AuthResult = await auth(client, { ...common, forceReauthorization: isStepUp })
    if (result === 'AUTHORIZED') return
    const url = client.authorizationUrl
    say(
      `Sign in to ${server.host} in the browser that opens. If none does, open this address:\n  ${url.href}`,
    )
    open(url)
    const { code, iss } = await redirect.received(client.state(), timeoutMs)
    await auth(client, { ...common, authorizationCode: code, ...(iss !== undefined && { iss }) })
    say(`Signed in to ${server.host}.`)
  }
}

function union(...scopes: readonly (string | undefined)[]): string | undefined {
  const all = new Set(scopes.flatMap((each) => each?.split(' ') ?? []).filter((scope) => scope !== ''))
  return all.size > 0 ? [...all].join(' ') : undefined
}
