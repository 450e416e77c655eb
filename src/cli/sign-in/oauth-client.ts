import { randomBytes } from 'node:crypto'
import type {
  OAuthClientMetadata,
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from '@modelcontextprotocol/client'
import type { StoredCredentials } from './stored-credentials.ts'
import { checkAuthorizationUrl } from './open-browser.ts'

/** How this client is known at the authorization server, where it does not register itself. */
export interface ClientIdentity {
  readonly clientId?: string | undefined
  readonly clientSecret?: string | undefined
  /** Address of the client's metadata document, for authorization servers that take that for an id. */
  readonly clientMetadataUrl?: string | undefined
}

interface OAuthClientOptions {
  readonly credentials: StoredCredentials
  readonly save: (credentials: StoredCredentials) => Promise<void>
  readonly identity: ClientIdentity
  /** What will be asked for; undefined for what the server names. */
  readonly scope: string | undefined
  readonly redirectUrl: string
  readonly port: number
}

const CLIENT_NAME = 'Tool Gateway (tool-gateway connect)'

/** One sign-in, as the SDK's OAuth client sees it: what is stored, what it stores, and where the browser is to go. */
export class OAuthClient implements OAuthClientProvider {
  readonly redirectUrl: string
  readonly clientMetadataUrl?: string
  readonly clientMetadata: OAuthClientMetadata
  readonly #options: OAuthClientOptions
  readonly #state = randomBytes(24).toString('base64url')
  #credentials: StoredCredentials
  #verifier = ''
  #discovered: OAuthDiscoveryState | undefined
  #authorizationUrl: URL | undefined

  constructor(options: OAuthClientOptions) {
    this.#options = options
    this.#credentials = withoutStaleClient(options)
    this.redirectUrl = options.redirectUrl
    const { clientMetadataUrl, clientSecret } = options.identity
    if (clientMetadataUrl !== undefined) this.clientMetadataUrl = clientMetadataUrl
    this.clientMetadata = {
      client_name: CLIENT_NAME,
      redirect_uris: [options.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: clientSecret === undefined ? 'none' : 'client_secret_post',
    }
  }

  /** Where the browser is to go. @throws SignInError for an address that no browser should open */
  get authorizationUrl(): URL {
    if (this.#authorizationUrl === undefined) throw new Error('the sign-in needs no browser')
    checkAuthorizationUrl(this.#authorizationUrl)
    return this.#authorizationUrl
  }

  state(): string {
    return this.#state
  }

  clientInformation(): StoredOAuthClientInformation | undefined {
    const { clientId, clientSecret } = this.#options.identity
    if (clientId === undefined) return this.#credentials.client
    return { client_id: clientId, ...(clientSecret !== undefined && { client_secret: clientSecret }) }
  }

  async saveClientInformation(client: StoredOAuthClientInformation): Promise<void> {
    if (this.#options.identity.clientId !== undefined) return
    await this.#save({ ...this.#credentials, client: { ...client }, port: this.#options.port })
  }

  tokens(): StoredOAuthTokens | undefined {
    return this.#credentials.tokens
  }

  async saveTokens(tokens: StoredOAuthTokens): Promise<void> {
    await this.#save({ ...this.#credentials, tokens: { ...tokens }, port: this.#options.port })
  }

  redirectToAuthorization(url: URL): void {
    this.#authorizationUrl = url
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier
  }

  codeVerifier(): string {
    return this.#verifier
  }

  saveDiscoveryState(discovered: OAuthDiscoveryState): void {
    this.#discovered = discovered
  }

  discoveryState(): OAuthDiscoveryState | undefined {
    return this.#discovered
  }

  async invalidateCredentials(what: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): Promise<void> {
    const { client, tokens, ...rest } = this.#credentials
    if (what === 'all') await this.#save(rest)
    if (what === 'client') await this.#save({ ...rest, ...(tokens && { tokens }) })
    if (what === 'tokens') await this.#save({ ...rest, ...(client && { client }) })
    if (what === 'all' || what === 'discovery') this.#discovered = undefined
  }

  async #save(credentials: StoredCredentials): Promise<void> {
    this.#credentials = credentials
    await this.#options.save(credentials)
  }
}

/** A client that registered itself with another redirect URI, or for fewer scopes, is one that would be refused. */
function withoutStaleClient({ credentials, redirectUrl, scope = '' }: OAuthClientOptions): StoredCredentials {
  const { client, ...rest } = credentials
  const { redirect_uris: uris, scope: registered } = client ?? {}
  const scopes = registered?.split(' ')
  const covers =
    scopes === undefined || scope.split(' ').every((each) => each === '' || scopes.includes(each))
  return covers && (uris === undefined || uris.includes(redirectUrl)) ? credentials : rest
}
