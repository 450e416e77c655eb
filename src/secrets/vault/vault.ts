import { randomBytes } from 'node:crypto'
import { lruCache } from '../../cache/lru.ts'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { canonicalJson, isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { stateEntries } from '../../state/state-entries.ts'
import { stateKey } from '../../state/state-key.ts'
import type { StateEntry, StateStore } from '../../state/state-store.ts'
import { decrypt, encrypt, KEY_BYTES } from './envelope.ts'
import { type KeyEncryption, KeyRefused, type WrappedKey } from './key-encryption.ts'

const COLLECTION = 'vault'
/** Keys of entries that are kept in memory, so that not every read asks for one. */
const MAX_KEYS = 10_000
const KEY_LIFETIME_MS = 600_000

/** Whose entry it is, and for what; an entry of one owner opens for no other. */
export interface VaultOwner {
  /** What the entry holds. */
  readonly kind: string
  readonly tenantId: string
  /** A person; empty for what is the tenant's. */
  readonly subject: string
  /** The key of the server that it is for. */
  readonly server: string
}

/** What is kept for an owner. */
export interface VaultEntry {
  readonly owner: VaultOwner
  /** What operators may see; protected from changes, not from readers of the store. */
  readonly info: JsonObject
  /** What nobody sees but who opens it. */
  readonly secret: JsonObject
  readonly version: string
}

/** An entry as lists have it. */
export type VaultListing = Omit<VaultEntry, 'secret'>

/** What a rotation has done. */
export interface Rotated {
  /** Entries that are encrypted with new keys. */
  readonly rotated: number
  /** Entries that no present key opens; they stay as they were. */
  readonly unopened: number
}

/** An entry as it is stored. */
interface Stored {
  readonly owner: VaultOwner
  readonly info: JsonObject
  readonly key: WrappedKey
  readonly sealed: Buffer
}

/**
 * Secrets of people and tenants, encrypted by envelope: each entry has a separate key, which is encrypted by a key
 * that the store never has. The owner is part of what is authenticated, so that an entry that was moved to another
 * place does not open.
 */
export class Vault {
  readonly #store: StateStore
  readonly #keys: KeyEncryption
  readonly #opened: ReturnType<typeof lruCache<Buffer>>

  constructor(options: { store: StateStore; keys: KeyEncryption; clock: Clock }) {
    this.#store = options.store
    this.#keys = options.keys
    this.#opened = lruCache<Buffer>(MAX_KEYS, {
      ttl: KEY_LIFETIME_MS,
      perf: { now: () => options.clock.monotonic() + 1 },
      ttlResolution: 0,
    })
  }

  /**
   * The entry of an owner; undefined when there is none.
   * @throws GatewayError `state_unavailable`, also when what is stored does not open
   */
  async get(owner: VaultOwner): Promise<VaultEntry | undefined> {
    const entry = await this.#store.get(COLLECTION, keyOf(owner))
    if (entry === undefined) return undefined
    const { info, secret } = await this.#open(owner, entry)
    return { owner, info, secret, version: entry.version }
  }

  /**
   * Writes the entry of an owner; resolves with its version, or with undefined when another version was there than
   * expected (`null`: none).
   * @throws GatewayError `state_unavailable`
   */
  async put(
    owner: VaultOwner,
    { info, secret }: Pick<VaultEntry, 'info' | 'secret'>,
    { expected }: { expected?: string | null } = {},
  ): Promise<string | undefined> {
    const { wrapped, key } = await this.#keyFor(owner)
    const sealed = encrypt(key, Buffer.from(JSON.stringify(secret)), contextOf(owner, info))
    const value = textOf({ owner, info, key: wrapped, sealed })
    return this.#store.put(COLLECTION, keyOf(owner), value, expected === undefined ? {} : { expected })
  }

  /** Whether this call removed the entry. @throws GatewayError `state_unavailable` */
  delete(owner: VaultOwner): Promise<boolean> {
    return this.#store.delete(COLLECTION, keyOf(owner))
  }

  /** The entries of one kind of a tenant, or of one subject of it. @throws GatewayError `state_unavailable` */
  async list(kind: string, tenantId: string, subject?: string): Promise<VaultListing[]> {
    const parts = subject === undefined ? [kind, tenantId] : [kind, tenantId, subject]
    const found: VaultListing[] = []
    for await (const entry of stateEntries(this.#store, COLLECTION, `${stateKey(...parts)}/`)) {
      const { owner, info } = storedIn(entry)
      if (keyOf(owner) === entry.key) found.push({ owner, info, version: entry.version })
    }
    return found
  }

  /**
   * Encrypts every entry with a new key for it, under a new key of the vault where that is decided here. Entries that
   * others change meanwhile are left to them; they are read and written as before all the time.
   * @throws GatewayError `state_unavailable`
   */
  async rotate(): Promise<Rotated> {
    await this.#keys.rotate()
    this.#opened.clear()
    let [rotated, unopened] = [0, 0]
    for await (const entry of stateEntries(this.#store, COLLECTION, '')) {
      const { owner } = storedIn(entry)
      const opened = await this.#open(owner, entry).catch((error: unknown) => {
        if (isRefusedKey(error)) return undefined
        throw error
      })
      if (opened === undefined) unopened += 1
      else if (await this.#rewrite(entry, { owner, ...opened })) rotated += 1
    }
    return { rotated, unopened }
  }

  async #rewrite(
    entry: StateEntry,
    { owner, info, secret }: Pick<VaultEntry, 'owner' | 'info' | 'secret'>,
  ): Promise<boolean> {
    const { wrapped, key } = await this.#newKey(owner)
    const sealed = encrypt(key, Buffer.from(JSON.stringify(secret)), contextOf(owner, info))
    const value = textOf({ owner, info, key: wrapped, sealed })
    return (await this.#store.put(COLLECTION, entry.key, value, { expected: entry.version })) !== undefined
  }

  async #open(owner: VaultOwner, { value }: StateEntry): Promise<Pick<VaultEntry, 'info' | 'secret'>> {
    const stored = storedIn({ value })
    const key = await this.#unwrapped(owner, stored.key)
    const plain = decrypt(key, stored.sealed, contextOf(owner, stored.info))
    if (plain === undefined) throw unavailable(new KeyRefused('an entry of the vault does not open'))
    const secret: unknown = JSON.parse(plain.toString('utf8'))
    return { info: stored.info, secret: isJsonObject(secret) ? secret : {} }
  }

  /** The key of the entry that is there, so that nobody has to be asked while a token is refreshed; else a new one. */
  async #keyFor(owner: VaultOwner): Promise<{ wrapped: WrappedKey; key: Buffer }> {
    const entry = await this.#store.get(COLLECTION, keyOf(owner))
    const wrapped = entry && storedIn(entry).key
    if (wrapped === undefined || !this.#keys.isCurrent(wrapped)) return this.#newKey(owner)
    return { wrapped, key: await this.#unwrapped(owner, wrapped) }
  }

  async #newKey(owner: VaultOwner): Promise<{ wrapped: WrappedKey; key: Buffer }> {
    const key = randomBytes(KEY_BYTES)
    const wrapped = await this.#keys.wrap(key, contextOf(owner)).catch(throwUnavailable)
    this.#opened.set(nameOf(owner, wrapped), key)
    return { wrapped, key }
  }

  async #unwrapped(owner: VaultOwner, wrapped: WrappedKey): Promise<Buffer> {
    const name = nameOf(owner, wrapped)
    const known = this.#opened.get(name)
    if (known !== undefined) return known
    const key = await this.#keys.unwrap(wrapped, contextOf(owner)).catch(throwUnavailable)
    this.#opened.set(name, key)
    return key
  }
}

function keyOf({ kind, tenantId, subject, server }: VaultOwner): string {
  return stateKey(kind, tenantId, subject, server)
}

function nameOf(owner: VaultOwner, { by, bytes }: WrappedKey): string {
  return `${keyOf(owner)}\n${by}\n${bytes.toString('base64')}`
}

/** What is authenticated in addition to the secret. */
function contextOf({ kind, tenantId, subject, server }: VaultOwner, info?: JsonObject): Buffer {
  return Buffer.from(canonicalJson(['tool-gateway vault', 1, kind, tenantId, subject, server, info ?? null]))
}

function textOf({ owner, info, key, sealed }: Stored): string {
  const { kind, tenantId, subject, server } = owner
  return JSON.stringify({
    owner: { kind, tenantId, subject, server },
    info,
    key: { by: key.by, bytes: key.bytes.toString('base64') },
    sealed: sealed.toString('base64'),
  })
}

/** Only this class writes entries; what was altered does not open. */
function storedIn({ value }: Pick<StateEntry, 'value'>): Stored {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nobody else writes the collection
  const { owner, info, key, sealed } = JSON.parse(value) as {
    owner: VaultOwner
    info: JsonObject
    key: { by: string; bytes: string }
    sealed: string
  }
  return {
    owner,
    info,
    key: { by: key.by, bytes: Buffer.from(key.bytes, 'base64') },
    sealed: Buffer.from(sealed, 'base64'),
  }
}

function unavailable(cause: unknown): GatewayError {
  return new GatewayError('state_unavailable', 'The vault of credentials cannot be opened', { cause })
}

/** Whether an entry does not open, as opposed to keys that are not reachable. */
function isRefusedKey(error: unknown): boolean {
  return error instanceof GatewayError && error.cause instanceof KeyRefused
}

function throwUnavailable(cause: unknown): never {
  throw unavailable(cause)
}
