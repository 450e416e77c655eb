import { z } from 'zod'
import { GatewayError, messageOf } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { refusalIn, type Outbound } from '../../outbound/outbound.ts'

const OFFICIAL = 'io.modelcontextprotocol.registry/official'
/** A page of a hundred servers with long descriptions has less. */
const MAX_BYTES = 4 * 1024 * 1024

const listing = z.looseObject({
  server: z.looseObject({
    name: z.string().min(1),
    title: z.string().optional(),
    description: z.string().optional(),
    version: z.string().optional(),
    websiteUrl: z.string().optional(),
    repository: z.looseObject({ url: z.string().optional() }).optional(),
  }),
  _meta: z
    .looseObject({
      [OFFICIAL]: z
        .looseObject({
          status: z.string().optional(),
          updatedAt: z.string().optional(),
        })
        .optional(),
    })
    .optional(),
})
const listings = z.looseObject({
  servers: z.array(z.unknown()),
  metadata: z.looseObject({ nextCursor: z.string().nullish() }).optional(),
})

/** A server as a registry lists it. */
export interface Listing {
  /** With its namespace, as in `io.github.someone/weather`. */
  readonly name: string
  readonly title: string | undefined
  readonly description: string | undefined
  readonly version: string | undefined
  /** `active`, `deprecated` or `deleted`. */
  readonly status: string | undefined
  readonly updatedAt: string | undefined
  readonly website: string | undefined
  readonly repository: string | undefined
  /** Its whole `server.json`. */
  readonly serverJson: JsonObject
}

/** One page of what a registry found. */
export interface ListingPage {
  readonly servers: readonly Listing[]
  readonly nextCursor: string | undefined
}

/** A registry of MCP servers that speaks the API of the official one (version 0.1), read without signing in. */
export class McpRegistry {
  readonly #base: string
  readonly #outbound: Pick<Outbound, 'fetch'>

  /** @param options.url where `/v0.1/servers` is below */
  constructor(options: { url: string; outbound: Pick<Outbound, 'fetch'> }) {
    this.#base = options.url.replace(/\/$/, '')
    this.#outbound = options.outbound
  }

  /**
   * The newest versions of the servers whose names contain a text. What has another shape is left out.
   * @throws GatewayError `mcp_registry_unavailable`
   */
  async search(
    wanted: { query: string; limit: number; cursor?: string | undefined },
    signal: AbortSignal,
  ): Promise<ListingPage> {
    const query = new URLSearchParams({ version: 'latest', limit: String(wanted.limit) })
    if (wanted.query !== '') query.set('search', wanted.query)
    if (wanted.cursor !== undefined) query.set('cursor', wanted.cursor)
    const found = listings.safeParse(await this.#read(`/v0.1/servers?${query.toString()}`, signal))
    if (!found.success) throw unavailable('its answer is not a list of servers')
    const { servers, metadata } = found.data
    return {
      servers: servers.flatMap((each) => listingIn(each) ?? []),
      nextCursor: metadata?.nextCursor || undefined,
    }
  }

  /**
   * One server, by default in its newest version.
   * @throws GatewayError `server_not_found` or `mcp_registry_unavailable`
   */
  async find(name: string, version: string | undefined, signal: AbortSignal): Promise<Listing> {
    const path = `/v0.1/servers/${encodeURIComponent(name)}/versions/${encodeURIComponent(version ?? 'latest')}`
    const found = await this.#read(path, signal)
    const listed = found === undefined ? undefined : listingIn(found)
    if (listed !== undefined) return listed
    if (found !== undefined) throw unavailable('its answer is not a server')
    throw new GatewayError('server_not_found', `The registry has no server ${name.slice(0, 200)}`)
  }

  /** Undefined for what is not there. */
  async #read(path: string, signal: AbortSignal): Promise<unknown> {
    const headers = { accept: 'application/json' }
    try {
      const response = await this.#outbound.fetch(`${this.#base}${path}`, {
        headers,
        signal,
        maxBytes: MAX_BYTES,
      })
      const text = await response.text()
      if (response.status === 404) return undefined
      if (!response.ok) throw unavailable(`it answered with HTTP ${response.status}`)
      return JSON.parse(text) as unknown
    } catch (error) {
      throw asProblem(error)
    }
  }
}

function listingIn(value: unknown): Listing | undefined {
  const read = listing.safeParse(value)
  if (!read.success) return undefined
  const { server, _meta } = read.data
  const { status, updatedAt } = _meta?.[OFFICIAL] ?? {}
  const { name, title, description, version, websiteUrl, repository } = server
  return {
    name,
    title,
    description,
    version,
    status,
    updatedAt,
    website: webAddress(websiteUrl),
    repository: webAddress(repository?.url),
    serverJson: server,
  }
}

/** Third parties write the entries of a registry, and a browser would follow any scheme. */
function webAddress(text: string | undefined): string | undefined {
  const url = text === undefined ? null : URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) ? url.href : undefined
}

function asProblem(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  if (error instanceof SyntaxError) return unavailable('its answer is not JSON')
  return unavailable(refusalIn(error)?.message ?? causeOf(error))
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return messageOf(cause)
}

function unavailable(why: string): GatewayError {
  return new GatewayError('mcp_registry_unavailable', `The MCP registry cannot be used: ${why}`)
}
