import { gunzipSync, gzipSync } from 'node:zlib'
import { type Clock, repeat } from '../../domain/clock.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { type ServerKey, type ServerDefinition, serverKey } from '../../domain/documents/server-definition.ts'
import { stateKey } from '../../state/state-key.ts'
import type { StateStore } from '../../state/state-store.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { NEEDS_NO_CLIENT, type Offer } from '../../upstream/discovery/discovery.ts'

const COLLECTION = 'known-offers'
/** Catalogs that are larger are known again when the first person uses the server. */
const MAX_TEXT = 250 * 1024
const MAX_OFFER = 16 * 1024 * 1024
const LOOK_MS = 15_000

/** The tool of a server without a connected account, which leads to connecting one. */
export const CONNECT_TOOL = 'connect'

/**
 * What servers offer whose connections are of one person each: what the last of them was offered, without resources,
 * which are that person's own. It is kept, so that it is listed after a restart, and by other replicas.
 */
export class KnownOffers {
  readonly #store: StateStore
  readonly #logger: Logger
  readonly #onOffer: (key: ServerKey, offer: Offer) => void
  /** The servers of people, and whether what they offer is known. */
  readonly #servers = new Map<ServerKey, { readonly definition: ServerDefinition; isKnown: boolean }>()
  readonly #saved = new Map<ServerKey, string>()
  readonly #stop: () => void

  constructor(options: {
    store: StateStore
    clock: Clock
    logger: Logger
    /** Gets what is to be listed for a server. */
    onOffer: (key: ServerKey, offer: Offer) => void
  }) {
    this.#store = options.store
    this.#logger = options.logger
    this.#onOffer = options.onOffer
    this.#stop = repeat(options.clock, LOOK_MS, () => void this.#look())
  }

  /** Takes in the servers whose connections are of one person each, of a new snapshot. */
  setServers(servers: readonly ServerDefinition[]): void {
    const present = new Set(servers.map(serverKey))
    for (const key of this.#servers.keys()) if (!present.has(key)) this.#servers.delete(key)
    for (const definition of servers) {
      const key = serverKey(definition)
      const isKnown = this.#servers.get(key)?.isKnown === true
      this.#servers.set(key, { definition, isKnown })
      if (!isKnown) this.#onOffer(key, placeholder(definition))
    }
    void this.#look()
  }

  /** A server has told one person what it offers. */
  told(key: ServerKey, offer: Offer): void {
    const server = this.#servers.get(key)
    const shared: Offer = { ...offer, resources: [] }
    if (server !== undefined) server.isKnown = true
    this.#onOffer(key, shared)
    void this.#save(key, shared)
  }

  close(): void {
    this.#stop()
  }

  /** Another replica may have learnt what this one does not know. */
  async #look(): Promise<void> {
    for (const [key, server] of this.#servers) {
      if (server.isKnown) continue
      try {
        const entry = await this.#store.get(COLLECTION, stateKey(key))
        const offer = entry && offerIn(entry.value)
        if (offer === undefined || server.isKnown || this.#servers.get(key) !== server) continue
        server.isKnown = true
        this.#onOffer(key, offer)
      } catch (error) {
        this.#logger.debug({ err: error, server: key }, 'what a server offers could not be read')
      }
    }
  }

  async #save(key: ServerKey, offer: Offer): Promise<void> {
    const { needsClient: _, ...rest } = offer
    const text = gzipSync(JSON.stringify(rest)).toString('base64')
    if (text.length > MAX_TEXT || this.#saved.get(key) === text) return
    try {
      await this.#store.put(COLLECTION, stateKey(key), text)
      this.#saved.set(key, text)
    } catch (error) {
      this.#logger.debug({ err: error, server: key }, 'what a server offers could not be kept')
    }
  }
}

function offerIn(text: string): Offer | undefined {
  const value: unknown = JSON.parse(
    gunzipSync(Buffer.from(text, 'base64'), { maxOutputLength: MAX_OFFER }).toString('utf8'),
  )
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only this class writes the collection
  return isJsonObject(value) ? { ...(value as unknown as Offer), needsClient: NEEDS_NO_CLIENT } : undefined
}

function placeholder({ name }: ServerDefinition): Offer {
  return {
    tools: [
      {
        name: CONNECT_TOOL,
        title: `Connect an account at ${name}`,
        description: `Connects your account at ${name}. The tools of ${name} are listed afterwards.`,
        inputSchema: { type: 'object', properties: {} },
        annotations: { readOnlyHint: true },
      },
    ],
    prompts: [],
    resources: [],
    resourceTemplates: [],
    capabilities: {},
    needsClient: NEEDS_NO_CLIENT,
    ttlMs: {},
    problems: [],
    isPlaceholder: true,
  }
}
