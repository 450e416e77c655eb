import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { isJsonObject, jsonIn, type JsonObject } from '../../domain/json/json.ts'
import { stateEntries } from '../../state/state-entries.ts'
import { stateKey } from '../../state/state-key.ts'
import type { StateStore } from '../../state/state-store.ts'

const COLLECTION = 'tool-pins'
/** Of the text of one entry, which may have 256 KiB; definitions that do not fit are not kept, their hashes are. */
const MAX_TEXT = 250 * 1024
const MAX_UNPACKED = 32 * 1024 * 1024
const pack = promisify(gzip)
const unpack = promisify(gunzip)

/** A definition of a tool that is trusted. */
export interface Pin {
  readonly hash: string
  /** Wall time in milliseconds at which it was pinned. */
  readonly at: number
  /** Who approved it; undefined for one that was pinned when it was first seen. */
  readonly by?: string
  /** What it was, for comparison; undefined where it was too large to be kept. */
  readonly definition?: JsonObject
}

/** Pins of one server by tenant, and by the server's own name of the tool. */
export type PinsByTenant = Map<string, Map<string, Pin>>

/** The pins of one server as they are stored. */
export interface StoredPins {
  readonly pins: PinsByTenant
  /** Versions of the entries, by key. */
  readonly versions: Map<string, string>
}

/** Whose pins: of a server, and the tenant that trusts them; the server's own tenant trusts for all that may use it. */
export interface PinOwner {
  readonly server: { readonly tenantId: string; readonly name: string }
  readonly tenantId: string
}

/**
 * Pins in the state store: those of a tenant for a server lie in up to 16 entries, by the hash of the tool's name, so
 * that large servers fit and replicas that write at the same time notice each other.
 */
export class PinStore {
  readonly #store: StateStore

  constructor({ store }: { store: StateStore }) {
    this.#store = store
  }

  /** All pins for a server, those of every tenant. @throws GatewayError `state_unavailable` */
  async load({ tenantId, name }: PinOwner['server']): Promise<StoredPins> {
    const pins: PinsByTenant = new Map()
    const versions = new Map<string, string>()
    const prefix = `${stateKey(tenantId, name)}/`
    for await (const { key, value, version } of stateEntries(this.#store, COLLECTION, prefix)) {
      versions.set(key, version)
      const [owner = ''] = key.slice(prefix.length).split('/')
      const tenant = decodeURIComponent(owner)
      const tools = pins.get(tenant) ?? new Map<string, Pin>()
      for (const [tool, pin] of await pinsIn(value)) tools.set(tool, pin)
      pins.set(tenant, tools)
    }
    return { pins, versions }
  }

  /**
   * Writes the entries that hold the pins of `tools`, as `pins` has them, and notes their new versions. False when
   * another replica has written one of them since it was read.
   * @throws GatewayError `state_unavailable`
   */
  async save(owner: PinOwner, tools: Iterable<string>, { pins, versions }: StoredPins): Promise<boolean> {
    const all = Map.groupBy(pins.get(owner.tenantId) ?? [], ([tool]) => bucketOf(tool))
    const wanted = new Set([...tools].map(bucketOf))
    const written = await Promise.all(
      [...wanted].map(async (bucket) => {
        const key = stateKey(owner.server.tenantId, owner.server.name, owner.tenantId, bucket)
        const expected = versions.get(key) ?? null
        const text = await textOf(new Map(all.get(bucket)))
        const version = await this.#store.put(COLLECTION, key, text, { expected })
        if (version !== undefined) versions.set(key, version)
        return version !== undefined
      }),
    )
    return written.every(Boolean)
  }
}

function bucketOf(tool: string): string {
  return createHash('sha256').update(tool).digest('hex').slice(0, 1)
}

async function textOf(pins: ReadonlyMap<string, Pin>): Promise<string> {
  const text = await packed(Object.fromEntries(pins))
  if (text.length <= MAX_TEXT) return text
  const hashes = [...pins].map(([tool, { definition: _definition, ...pin }]) => [tool, pin] as const)
  return await packed(Object.fromEntries(hashes))
}

async function packed(value: object): Promise<string> {
  return (await pack(JSON.stringify(value))).toString('base64')
}

async function pinsIn(text: string): Promise<Map<string, Pin>> {
  const json = await unpack(Buffer.from(text, 'base64'), { maxOutputLength: MAX_UNPACKED })
  const value = jsonIn(json.toString('utf8'))
  return new Map(
    Object.entries(isJsonObject(value) ? value : {}).flatMap(([tool, pin]) => {
      const read = isJsonObject(pin) ? pinIn(pin) : undefined
      return read === undefined ? [] : [[tool, read] as const]
    }),
  )
}

function pinIn({ hash, at, by, definition }: JsonObject): Pin | undefined {
  if (typeof hash !== 'string' || typeof at !== 'number') return undefined
  return {
    hash,
    at,
    ...(typeof by === 'string' && { by }),
    ...(isJsonObject(definition) && { definition }),
  }
}
