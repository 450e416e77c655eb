import {
  allowInsecureRequests,
  type AuthorizationServer,
  customFetch,
  dynamicClientRegistrationRequest,
  processDynamicClientRegistrationResponse,
} from 'oauth4webapi'
import { z } from 'zod'
import type { Clock } from '../../domain/clock.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import { messageOf } from '../../domain/errors/errors.ts'
import { isLoopback } from '../../domain/loopback.ts'
import type { Vault, VaultOwner } from '../../secrets/vault/vault.ts'
import type { Leases } from '../../state/leases.ts'
import { ConnectFailed } from '../connect-failed.ts'
import type { RemoteFetch } from '../remote/remote-fetch.ts'
import type { OAuthClient } from './client-access.ts'
import type { OAuthServer } from './discovery.ts'

const CLIENT = 'client'
const CLIENT_NAME = 'Tool Gateway'
const LEASE_MS = 30_000
const METHODS = ['client_secret_basic', 'client_secret_post', 'none']
const registered = z.object({
  clientId: z.string(),
  clientSecret: z.string().optional(),
  method: z.string().optional(),
  /** Milliseconds since the epoch. */
  expiresAt: z.number().optional(),
})

/** The client of a flow, and whether the server document names it. */
export interface KnownClient extends OAuthClient {
  readonly isOfDocument: boolean
}

/**
 * How the gateway is known to authorization servers: as the client of the server document, by the address of a metadata
 * document, or as it has registered itself (RFC 7591), in this order.
 */
export class Clients {
  readonly #vault: Vault
  readonly #leases: Leases
  readonly #publicUrl: string
  readonly #secretOf: (server: OAuthServer) => Promise<string | undefined>
  readonly #clock: Clock

  constructor(options: {
    vault: Vault
    leases: Leases
    publicUrl: string
    /** The present secret of the client that a document names. */
    secretOf: (server: OAuthServer) => Promise<string | undefined>
    clock: Clock
  }) {
    this.#vault = options.vault
    this.#leases = options.leases
    this.#publicUrl = options.publicUrl
    this.#secretOf = options.secretOf
    this.#clock = options.clock
  }

  /** Where the authorization server of a server sends browsers back to. */
  redirectUriOf({ name }: { readonly name: string }): string {
    return `${this.#publicUrl}/connect/${name}/callback`
  }

  /** The client metadata of the gateway for one server, at the address that is its `client_id`. */
  metadataOf(server: { readonly name: string }): Record<string, unknown> {
    return {
      client_id: this.#documentOf(server),
      ...this.#metadata(server),
      token_endpoint_auth_method: 'none',
    }
  }

  /** @throws ConnectFailed when the authorization server knows no way for a client that it has not met */
  async clientFor(server: OAuthServer, as: AuthorizationServer, fetch: RemoteFetch): Promise<KnownClient> {
    const { clientId } = server.auth
    if (clientId !== undefined)
      return { clientId, clientSecret: await this.#secretOf(server), isOfDocument: true }
    if (as['client_id_metadata_document_supported'] === true && this.#isReachable())
      return { clientId: this.#documentOf(server), isOfDocument: false }
    if (as.registration_endpoint === undefined)
      throw new ConnectFailed(
        `the authorization server ${as.issuer} registers no clients by itself: register one there with the redirect URI ${this.redirectUriOf(server)}, and write its clientId into auth of the server`,
      )
    return { ...(await this.#registered(server, as, fetch)), isOfDocument: false }
  }

  /** Forgets a client that its authorization server no longer knows; the next flow registers another one. */
  async forget(server: OAuthServer, as: AuthorizationServer): Promise<void> {
    await this.#vault.delete(this.#ownerOf(server, as))
  }

  async #registered(server: OAuthServer, as: AuthorizationServer, fetch: RemoteFetch): Promise<OAuthClient> {
    const owner = this.#ownerOf(server, as)
    const known = await this.#known(owner)
    if (known !== undefined) return known
    const name = `register ${JSON.stringify([owner.tenantId, owner.subject, owner.server])}`
    return this.#leases.withLease(name, LEASE_MS, async () => {
      const meanwhile = await this.#known(owner)
      if (meanwhile !== undefined) return meanwhile
      const client = await this.#register(server, as, fetch)
      await this.#vault.put(owner, { info: { issuer: as.issuer }, secret: client })
      return client
    })
  }

  async #known(owner: VaultOwner): Promise<OAuthClient | undefined> {
    const entry = await this.#vault.get(owner)
    if (entry === undefined) return undefined
    const { expiresAt, ...client } = registered.parse(entry.secret)
    return expiresAt === undefined || this.#clock.now() < expiresAt ? client : undefined
  }

  async #register(
    server: OAuthServer,
    as: AuthorizationServer,
    fetch: RemoteFetch,
  ): Promise<z.output<typeof registered>> {
    const { token_endpoint_auth_methods_supported: supported = ['client_secret_basic'] } = as
    const method = METHODS.find((each) => supported.includes(each)) ?? 'none'
    const metadata = { ...this.#metadata(server), token_endpoint_auth_method: method }
    try {
      const response = await dynamicClientRegistrationRequest(as, metadata, {
        [customFetch]: (url: string, init?: object) => fetch(url, init),
        [allowInsecureRequests]: true,
      })
      const client = await processDynamicClientRegistrationResponse(response)
      const { client_id: clientId, client_secret: clientSecret, client_secret_expires_at: end } = client
      const { token_endpoint_auth_method: given } = client
      return {
        clientId,
        ...(typeof clientSecret === 'string' && { clientSecret }),
        method: typeof given === 'string' ? given : method,
        ...(typeof end === 'number' && end > 0 && { expiresAt: end * 1000 }),
      }
    } catch (error) {
      const reason = messageOf(error).slice(0, 200).replaceAll(/\p{C}/gu, ' ')
      throw new ConnectFailed(
        `the authorization server ${as.issuer} does not register the gateway: ${reason}`,
      )
    }
  }

  #metadata(server: { readonly name: string }) {
    return {
      client_name: CLIENT_NAME,
      client_uri: this.#publicUrl,
      redirect_uris: [this.redirectUriOf(server)],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      application_type: isLoopback(new URL(this.#publicUrl).hostname) ? 'native' : 'web',
    }
  }

  #documentOf({ name }: { readonly name: string }): string {
    return `${this.#publicUrl}/connect/${name}/client.json`
  }

  /** An authorization server fetches the document. */
  #isReachable(): boolean {
    const { protocol, hostname } = new URL(this.#publicUrl)
    return protocol === 'https:' && !isLoopback(hostname)
  }

  /** A registration is for one address of the gateway, too. */
  #ownerOf(server: OAuthServer, { issuer }: AuthorizationServer): VaultOwner {
    const subject = JSON.stringify([issuer, this.redirectUriOf(server)])
    return { kind: CLIENT, tenantId: server.tenantId, subject, server: serverKey(server) }
  }
}
