import type { AuthorizationServer } from 'oauth4webapi'
import { lruCache } from '../../cache/lru.ts'
import type { Clock } from '../../domain/clock.ts'
import { type HttpServerDefinition, serverKey, urlsOf } from '../../domain/documents/server-definition.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { discoverAuthorization, fetchFor } from '../authorization/discovery.ts'
import type { RemoteFetch } from '../remote/remote-fetch.ts'

const MAX_KNOWN = 1000
const FRESH_MS = 600_000

/** Where a document says that tokens are issued. */
export interface NamedPlace {
  readonly issuer?: string | undefined
  readonly tokenUrl?: string | undefined
}

/** Where tokens for a server are issued. */
export interface TokenPlace {
  readonly as: AuthorizationServer
  /** What the server is called there (RFC 8707); undefined where it does not say. */
  readonly resource: string | undefined
  readonly scopes: readonly string[]
  readonly fetch: RemoteFetch
}

interface Known {
  readonly place: Promise<TokenPlace>
  readonly at: number
}

/** Finds where tokens for servers are issued; what was found is believed for ten minutes. */
export class TokenPlaces {
  readonly #outbound: Outbound
  readonly #clock: Clock
  readonly #known = lruCache<Known>(MAX_KNOWN)

  constructor({ outbound, clock }: { outbound: Outbound; clock: Clock }) {
    this.#outbound = outbound
    this.#clock = clock
  }

  /** @throws ConnectFailed, or what `fetch` throws */
  of(server: HttpServerDefinition, named: NamedPlace): Promise<TokenPlace> {
    const { issuer, tokenUrl } = named
    const key = JSON.stringify([serverKey(server), urlsOf(server), issuer, tokenUrl])
    const now = this.#clock.monotonic()
    const known = this.#known.get(key)
    if (known !== undefined && now - known.at < FRESH_MS) return known.place
    const place = this.#found(server, named)
    const entry: Known = { place, at: now }
    this.#known.set(key, entry)
    place.catch(() => {
      if (this.#known.peek(key) === entry) this.#known.delete(key)
    })
    return place
  }

  async #found(server: HttpServerDefinition, { issuer, tokenUrl }: NamedPlace): Promise<TokenPlace> {
    const fetch = await fetchFor(server, this.#outbound)
    if (tokenUrl === undefined) return { ...(await discoverAuthorization(server, { issuer, fetch })), fetch }
    const as = { issuer: issuer ?? tokenUrl, token_endpoint: tokenUrl }
    return { as, resource: undefined, scopes: [], fetch }
  }
}
