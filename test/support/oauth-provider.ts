import type {
  OAuthClientProvider,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from '@modelcontextprotocol/client'
import { REDIRECT_URI } from './oauth-client.ts'

/** What an MCP client keeps for OAuth; the address for the browser is noted instead of opened. */
export class NotingProvider implements OAuthClientProvider {
  readonly redirectUrl: string
  readonly clientMetadata: { client_name: string; redirect_uris: string[] }
  /** The address that a browser would be opened with. */
  address: URL | undefined
  stored: StoredOAuthTokens | undefined
  #client: StoredOAuthClientInformation | undefined
  #verifier = ''

  constructor(redirectUrl = REDIRECT_URI) {
    this.redirectUrl = redirectUrl
    this.clientMetadata = { client_name: 'Probe', redirect_uris: [redirectUrl] }
  }

  state(): string {
    return 'state-of-the-client'
  }

  clientInformation(): StoredOAuthClientInformation | undefined {
    return this.#client
  }

  saveClientInformation(client: StoredOAuthClientInformation): void {
    this.#client = client
  }

  tokens(): StoredOAuthTokens | undefined {
    return this.stored
  }

  saveTokens(tokens: StoredOAuthTokens): void {
    this.stored = tokens
  }

  redirectToAuthorization(address: URL): void {
    this.address = address
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier
  }

  codeVerifier(): string {
    return this.#verifier
  }
}
