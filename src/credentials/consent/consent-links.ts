import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { lruCache } from '../../cache/lru.ts'
import type { Clock } from '../../domain/clock.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import type { Principal } from '../../domain/principal.ts'
import type { StateStore } from '../../state/state-store.ts'

const COLLECTION = 'consent-links'
const LIFETIME_MS = 600_000
/** A link is given again while it has this much time left. */
const LEAST_MS = 300_000
const MAX_ISSUED = 10_000
const stored = z.object({
  tenantId: z.string(),
  subject: z.string(),
  server: z.string(),
  scopes: z.array(z.string()),
  agent: z.string().optional(),
})

/** Whom a link is for, and what it connects. */
export type ConsentLink = z.output<typeof stored>

/** A link as it is handed out. */
export interface IssuedLink {
  readonly url: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/**
 * Links by which a person connects an account: for that person only, for one server, once, within ten minutes. The
 * store has their digests, so that a reader of the store has no link.
 */
export class ConsentLinks {
  readonly #store: StateStore
  readonly #publicUrl: string
  readonly #clock: Clock
  /** The last link of each person for each server. */
  readonly #issued = lruCache<IssuedLink & { readonly code: string }>(MAX_ISSUED)

  constructor(options: { store: StateStore; publicUrl: string; clock: Clock }) {
    this.#store = options.store
    this.#publicUrl = options.publicUrl
    this.#clock = options.clock
  }

  /** A link for a caller; the same one again while it is fresh and was not used. @throws GatewayError `state_unavailable` */
  async issue(
    server: ServerDefinition,
    principal: Principal,
    scopes: readonly string[],
  ): Promise<IssuedLink> {
    const { tenantId, subject, agent } = principal
    const link: ConsentLink = { tenantId, subject, agent, server: serverKey(server), scopes: [...scopes] }
    const name = JSON.stringify(link)
    const known = this.#issued.get(name)
    const isFresh = known !== undefined && known.expiresAt - this.#clock.now() > LEAST_MS
    if (isFresh && (await this.#store.get(COLLECTION, keyOf(known.code))) !== undefined) return known
    const code = randomBytes(18).toString('base64url')
    const expiresAt = this.#clock.now() + LIFETIME_MS
    await this.#store.put(COLLECTION, keyOf(code), name, { expiresAt })
    const issued = { url: `${this.#publicUrl}/connect/${server.name}?link=${code}`, expiresAt, code }
    this.#issued.set(name, issued)
    return issued
  }

  /** What a link is for; undefined when it was used, has expired, or never was one. */
  async look(code: string): Promise<ConsentLink | undefined> {
    const entry = await this.#store.get(COLLECTION, keyOf(code))
    return entry && stored.parse(JSON.parse(entry.value))
  }

  /** Consumes a link; false if it was consumed already. */
  take(code: string): Promise<boolean> {
    return this.#store.delete(COLLECTION, keyOf(code))
  }
}

function keyOf(code: string): string {
  return createHash('sha256').update(code).digest('base64url')
}
