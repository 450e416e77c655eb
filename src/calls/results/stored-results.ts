import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, gunzip, gzip } from 'node:zlib'
import type { Clock } from '../../domain/clock.ts'
import { mapBounded } from '../../domain/concurrency/map-bounded.ts'
import type { TransitBytes } from '../../domain/concurrency/transit-bytes.ts'
import { isJsonObject, jsonIn } from '../../domain/json/json.ts'
import { type Principal, principalKey } from '../../domain/principal.ts'
import type { KeyRing } from '../../domain/seal/key-ring.ts'
import { Sealing } from '../../domain/seal/sealing.ts'
import { stateKey } from '../../state/state-key.ts'
import type { StateStore } from '../../state/state-store.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { StoredReads, type Read } from './stored-reads.ts'

const COLLECTION = 'stored-results'
/** Characters of base64, each four of which are three bytes: sealed, they fit into an entry of 256 KiB. */
const PART = 180_000
/** Parts that are read at the same time. */
const PARTS_AT_ONCE = 4
/** Limit of one tenant at one replica: a tenant must not fill the store for all. */
const MAX_TENANT_BYTES = 256 * 1024 * 1024
const MAX_UNPACKED = 256 * 1024 * 1024
const pack = promisify(gzip)
const unpack = promisify(gunzip)

/** The type of a stored result, and the server and tool that gave it. */
interface StoredAbout {
  /** Key of the server. */
  readonly server: string
  /** The server's own name of the tool. */
  readonly tool: string
  readonly mimeType: string
}

/** A result as a text. */
export interface StoredResult extends StoredAbout {
  readonly text: string
}

/** A result that was found, and its size in the store. */
export interface FoundResult extends StoredAbout {
  readonly id: string
  readonly parts: number
}

/** The id of a stored result, and when it expires. */
export interface StoredAt {
  readonly id: string
  /** Wall time in milliseconds. */
  readonly until: number
}

/**
 * Stores results that their callers can read later, at every replica. They are sealed for the caller: neither another caller
 * nor a reader of the store can read them.
 */
export class StoredResults {
  readonly #store: StateStore
  readonly #sealing: Sealing
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #reads: StoredReads
  readonly #storedOf = new Map<string, { readonly bytes: number; readonly until: number }[]>()

  /** @param options.transit counts what is on its way to clients */
  constructor(options: {
    store: StateStore
    keys: KeyRing
    clock: Clock
    logger: Logger
    transit?: TransitBytes | undefined
  }) {
    this.#store = options.store
    this.#sealing = new Sealing(options.keys, 'kept results')
    this.#clock = options.clock
    this.#logger = options.logger
    this.#reads = new StoredReads({ clock: options.clock, transit: options.transit })
  }

  /** Stores a result; undefined if the store does not answer, or the tenant has stored too much. */
  async keep(
    principal: Principal,
    { text, ...about }: StoredResult,
    ttlMs: number,
  ): Promise<StoredAt | undefined> {
    const packed = (await pack(text, { level: constants.Z_BEST_SPEED })).toString('base64')
    const until = this.#clock.now() + ttlMs
    if (!this.#isRoomFor(principal.tenantId, packed.length, until)) {
      this.#logger.warn({ tenantId: principal.tenantId }, 'a result is not kept: the tenant keeps too many')
      return undefined
    }
    const id = randomBytes(18).toString('base64url')
    const parts = Array.from({ length: Math.ceil(packed.length / PART) }, (_, at) =>
      packed.slice(at * PART, (at + 1) * PART),
    )
    const texts = [JSON.stringify({ ...about, parts: parts.length }), ...parts]
    try {
      await Promise.all(
        texts.map((part, at) => {
          const sealed = this.#sealing.seal(part, boundTo(principal, id, at))
          return this.#store.put(COLLECTION, keyOf(principal, id, at), sealed, { expiresAt: until })
        }),
      )
      return { id, until }
    } catch (error) {
      this.#logger.warn({ err: error, tenantId: principal.tenantId }, 'a result could not be kept')
      return undefined
    }
  }

  /**
   * A result without its text; undefined if it has expired, never existed, or belongs to another caller.
   * @throws GatewayError `state_unavailable`
   */
  async find(principal: Principal, id: string): Promise<FoundResult | undefined> {
    const about = jsonIn((await this.#part(principal, id, 0)) ?? '')
    if (!isJsonObject(about)) return undefined
    const { server, tool, mimeType, parts } = about
    if (typeof server !== 'string' || typeof tool !== 'string' || typeof mimeType !== 'string')
      return undefined
    return { id, server, tool, mimeType, parts: Number(parts) }
  }

  /**
   * The text of a result that its caller has found, or a part of it; undefined if it has expired in the meantime.
   * @throws GatewayError `state_unavailable`, `overloaded`, `cancelled`
   */
  read({ id, parts }: FoundResult, read: Read): Promise<string | undefined> {
    const { principal } = read
    return this.#reads.read(boundTo(principal, id, 0), read, () => this.#load(principal, id, parts))
  }

  async #load(principal: Principal, id: string, parts: number): Promise<Buffer | undefined> {
    const places = Array.from({ length: parts }, (_, at) => at + 1)
    const packed = await mapBounded(places, { limit: PARTS_AT_ONCE }, async (at) =>
      Buffer.from((await this.#part(principal, id, at)) ?? '', 'base64'),
    )
    if (packed.some(({ length }) => length === 0)) return undefined
    return unpack(Buffer.concat(packed), { maxOutputLength: MAX_UNPACKED })
  }

  async #part(principal: Principal, id: string, at: number): Promise<string | undefined> {
    const entry = await this.#store.get(COLLECTION, keyOf(principal, id, at))
    return entry && this.#sealing.open(entry.value, boundTo(principal, id, at))
  }

  #isRoomFor(tenantId: string, bytes: number, until: number): boolean {
    const now = this.#clock.now()
    const stored = (this.#storedOf.get(tenantId) ?? []).filter((each) => each.until > now)
    const isRoom = stored.reduce((sum, each) => sum + each.bytes, bytes) <= MAX_TENANT_BYTES
    if (isRoom) stored.push({ bytes, until })
    this.#storedOf.set(tenantId, stored)
    return isRoom
  }
}

function keyOf({ tenantId }: Principal, id: string, part: number): string {
  return stateKey(tenantId, id, String(part))
}

function boundTo(principal: Principal, id: string, part: number): string {
  return JSON.stringify([principalKey(principal), id, part])
}
