import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { SerialQueue } from '../../domain/concurrency/serial-queue.ts'
import { isJsonObject, jsonIn, type JsonObject } from '../../domain/json/json.ts'
import { stateEntries } from '../../state/state-entries.ts'
import { stateKey } from '../../state/state-key.ts'
import type { StateStore } from '../../state/state-store.ts'

const COLLECTION = 'tool-pins'
/** Of the text of one entry, which may have 256 KiB; definitions that do not fit are not kept, their hashes are. */
const MAX_TEXT = 250 * 1024
/** Of its JSON, as it is written and as it is read: what is written can be read. */
const MAX_UNPACKED = 16 * 1024 * 1024
const pack = promisify(gzip)
const unpack = promisify(gunzip)

/** Of a pin that cannot be read. No definition has it, so that the tool counts as changed. */
export const UNKNOWN_HASH = ''

/** A definition of a tool that is trusted. */
export interface Pin {
  /** `UNKNOWN_HASH` where there was a pin that cannot be read. */
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
  /** The keys of entries that cannot be read: what is trusted of their tools is not known. */
  readonly unreadable: ReadonlySet<string>
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

  /**
   * All pins for a server, those of every tenant, except for those in entries that cannot be read.
   * @param kept gives each pin as it is to be kept in memory
   * @throws GatewayError `state_unavailable`
   */
  async load(
    { tenantId, name }: PinOwner['server'],
    kept: (tool: string, pin: Pin) => Pin = (_tool, pin) => pin,
  ): Promise<StoredPins> {
    const pins: PinsByTenant = new Map()
    const versions = new Map<string, string>()
    const unreadable = new Set<string>()
    const prefix = `${stateKey(tenantId, name)}/`
    for await (const { key, value, version } of stateEntries(this.#store, COLLECTION, prefix)) {
      versions.set(key, version)
      const [owner = ''] = key.slice(prefix.length).split('/')
      const tenant = decodeURIComponent(owner)
      const tools = pins.get(tenant) ?? new Map<string, Pin>()
      const read = await pinsIn(value)
      if (read === undefined) unreadable.add(key)
      else for (const [tool, pin] of read) tools.set(tool, kept(tool, pin))
      pins.set(tenant, tools)
    }
    return { pins, versions, unreadable }
  }

  /**
   * Writes the entries that hold the pins of `tools`, as `pins` has them, and notes their new versions. False when
   * another replica has written one of them since it was read.
   * @throws GatewayError `state_unavailable`
   * @throws RangeError when even the hashes are more than an entry takes
   */
  async save(
    owner: PinOwner,
    tools: Iterable<string>,
    { pins, versions }: Pick<StoredPins, 'pins' | 'versions'>,
  ): Promise<boolean> {
    const all = Map.groupBy(pins.get(owner.tenantId) ?? [], ([tool]) => bucketOf(tool))
    const wanted = new Set([...tools].map(bucketOf))
    // One after the other, so that the event loop gets back to others between two of them.
    const texts = new SerialQueue()
    const written = await Promise.all(
      [...wanted].map(async (bucket) => {
        const key = entryKey(owner, bucket)
        const expected = versions.get(key) ?? null
        const text = await texts.run(() => textOf(new Map(all.get(bucket))))
        const version = await this.#store.put(COLLECTION, key, text, { expected })
        if (version !== undefined) versions.set(key, version)
        return version !== undefined
      }),
    )
    return written.every(Boolean)
  }
}

/** Whether the pin of a tool would lie in an entry that cannot be read. */
export function isUnreadable({ unreadable }: StoredPins, owner: PinOwner, tool: string): boolean {
  return unreadable.size > 0 && unreadable.has(entryKey(owner, bucketOf(tool)))
}

function entryKey({ server, tenantId }: PinOwner, bucket: string): string {
  return stateKey(server.tenantId, server.name, tenantId, bucket)
}

function bucketOf(tool: string): string {
  return createHash('sha256').update(tool).digest('hex').slice(0, 1)
}

async function textOf(pins: ReadonlyMap<string, Pin>): Promise<string> {
  const text = await packed(pins)
  if (text !== undefined && text.length <= MAX_TEXT) return text
  const hashes = [...pins].map(([tool, { definition: _definition, ...pin }]) => [tool, pin] as const)
  const short = await packed(new Map(hashes))
  if (short === undefined) throw new RangeError(`the pins of one entry have more than ${MAX_UNPACKED} bytes`)
  return short
}

/** Undefined for what could not be read again. */
async function packed(pins: ReadonlyMap<string, Pin>): Promise<string | undefined> {
  const json = Buffer.from(JSON.stringify(Object.fromEntries(pins)))
  return json.length > MAX_UNPACKED ? undefined : (await pack(json)).toString('base64')
}

/** Undefined for what is not the text of an entry. */
async function pinsIn(text: string): Promise<Map<string, Pin> | undefined> {
  const json = await unpack(Buffer.from(text, 'base64'), { maxOutputLength: MAX_UNPACKED }).catch(
    () => undefined,
  )
  const value = json && jsonIn(json.toString('utf8'))
  if (!isJsonObject(value)) return undefined
  return new Map(Object.entries(value).map(([tool, pin]) => [tool, pinIn(isJsonObject(pin) ? pin : {})]))
}

function pinIn({ hash, at, by, definition }: JsonObject): Pin {
  if (typeof hash !== 'string' || typeof at !== 'number') return { hash: UNKNOWN_HASH, at: 0 }
  return {
    hash,
    at,
    ...(typeof by === 'string' && { by }),
    ...(isJsonObject(definition) && { definition }),
  }
}
