import {
  type DocumentSnapshot,
  FieldPath,
  FieldValue,
  type Firestore,
  Timestamp,
} from '@google-cloud/firestore'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { canonicalJson, isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { ALL_TENANTS } from '../../domain/principal.ts'
import { withDeadline } from '../../firestore/deadline.ts'
import { COLLECTIONS, type Section } from '../collections.ts'
import {
  ALREADY_THERE,
  documentId,
  handled,
  identityOf,
  NO_TENANT,
  type RegistryStore,
  type StoredDocument,
  unhandled,
} from '../registry-store.ts'

const READ_MS = 3000
const LIST_MS = 10_000
/** More than one commit takes on the wire, so that its own answer is heard. */
const WRITE_MS = 5000
const ETAG = /^(\d{1,12})\.(\d{1,9})$/
/** gRPC status codes. */
const INVALID_ARGUMENT = 3
const NOT_FOUND = 5
const ALREADY_EXISTS = 6
const FAILED_PRECONDITION = 9

/**
 * The registry in Firestore: the documents of one of its collections, by default `mcp_servers`. An ETag is the
 * document's update time, which Firestore itself compares at the commit; a write whose outcome is not known says so
 * (`mayHaveExecuted`).
 */
export class FirestoreStore implements RegistryStore {
  readonly #db: Firestore
  readonly #section: Section
  readonly #collection: string
  readonly #clock: Clock

  constructor(options: { db: Firestore; section?: Section; clock: Clock }) {
    this.#db = options.db
    this.#section = options.section ?? 'servers'
    this.#collection = COLLECTIONS[this.#section]
    this.#clock = options.clock
  }

  async get(tenantId: string, name: string): Promise<StoredDocument | undefined> {
    const found = await this.#find(tenantId, name)
    return found === undefined ? undefined : storedOf(this.#section, found)
  }

  async list(): Promise<StoredDocument[]> {
    const { docs } = await this.#reading(this.#db.collection(this.#collection).get(), LIST_MS)
    return docs.map((snapshot) => storedOf(this.#section, snapshot)).filter((stored) => stored !== undefined)
  }

  /**
   * Every document, also those that `list` passes over: one without a name has its id for one, one without a tenant has
   * `tenantId: null`, which no default takes the place of. Values that JSON has not become what is nearest.
   */
  async listAll(): Promise<StoredDocument[]> {
    const { docs } = await this.#reading(this.#db.collection(this.#collection).get(), LIST_MS)
    return docs.flatMap((snapshot) => {
      const data: unknown = JSON.parse(JSON.stringify(snapshot.data()))
      const named = namedIn(this.#section, snapshot.id, {
        tenantId: null,
        ...(isJsonObject(data) ? data : {}),
      })
      const { updateTime } = snapshot
      if (updateTime === undefined) return []
      return [{ ...handled(this.#section, snapshot.id, named), etag: etagOf(updateTime) }]
    })
  }

  async create(document: JsonObject): Promise<StoredDocument> {
    const { tenantId, name } = identityFor(document)
    if ((await this.#find(tenantId, name)) !== undefined)
      throw new GatewayError('already_exists', ALREADY_THERE)
    const ref = this.#db
      .collection(this.#collection)
      .doc(this.#section === 'tenants' ? name : documentId({ tenantId, name }))
    const { writeTime } = await this.#writing(() => ref.create(unhandled(this.#section, document)))
    return { tenantId, name, document, etag: etagOf(writeTime) }
  }

  async replace(document: JsonObject, etag: string): Promise<StoredDocument> {
    const { tenantId, name } = identityFor(document)
    const found = await this.#current(tenantId, name, etag)
    const before = found.data() ?? {}
    const wanted = unhandled(this.#section, document)
    const gone = Object.keys(before).filter((field) => !Object.hasOwn(wanted, field))
    const differing = Object.entries(wanted).filter(
      ([field, value]) => canonicalJson(before[field] ?? null) !== canonicalJson(value),
    )
    const [first, ...others] = [
      ...differing,
      ...gone.map((field): [string, unknown] => [field, FieldValue.delete()]),
    ]
    if (first === undefined) return { tenantId, name, document, etag }
    const rest = others.flatMap(([field, value]) => [new FieldPath(field), value])
    const { writeTime } = await this.#writing(() =>
      found.ref.update(new FieldPath(first[0]), first[1], ...rest, { lastUpdateTime: timeOf(etag) }),
    )
    return { tenantId, name, document, etag: etagOf(writeTime) }
  }

  async remove(tenantId: string, name: string, etag: string): Promise<void> {
    const found = await this.#current(tenantId, name, etag)
    await this.#writing(() => found.ref.delete({ lastUpdateTime: timeOf(etag) }))
  }

  async #current(tenantId: string, name: string, etag: string): Promise<DocumentSnapshot> {
    const found = await this.#find(tenantId, name)
    if (found === undefined) throw new GatewayError('server_not_found')
    if (!ETAG.test(etag) || storedOf(this.#section, found)?.etag !== etag)
      throw new GatewayError('precondition_failed')
    return found
  }

  /** Operators choose ids as they like: by fields, or, where a document has no name, by its id. */
  async #find(tenantId: string, name: string): Promise<DocumentSnapshot | undefined> {
    const collection = this.#db.collection(this.#collection)
    const [byFields, byId] = await this.#reading(
      Promise.all([
        collection.where('tenantId', '==', tenantId).where('name', '==', name).get(),
        collection.doc(name).get(),
      ]),
      READ_MS,
    )
    return [...byFields.docs, byId]
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .find((snapshot) => {
        const stored = snapshot.exists ? storedOf(this.#section, snapshot) : undefined
        return stored?.tenantId === tenantId && stored.name === name
      })
  }

  async #reading<T>(promise: Promise<T>, ms: number): Promise<T> {
    try {
      return await withDeadline(this.#clock, promise, ms, 'reading the registry')
    } catch (error) {
      throw new GatewayError('store_unavailable', undefined, { cause: error })
    }
  }

  async #writing<T>(write: () => Promise<T>): Promise<T> {
    try {
      // In an async function, because the library throws at once for values that it cannot store.
      return await withDeadline(this.#clock, write(), WRITE_MS, 'writing the registry')
    } catch (error) {
      throw writeError(error)
    }
  }
}

function writeError(error: unknown): GatewayError {
  const code: unknown = isJsonObject(error) ? error['code'] : undefined
  const text: unknown = isJsonObject(error) ? error['message'] : undefined
  if (code === ALREADY_EXISTS) return new GatewayError('already_exists', ALREADY_THERE)
  if (code === FAILED_PRECONDITION || code === NOT_FOUND) return new GatewayError('precondition_failed')
  const isUnstorable = typeof text === 'string' && text.startsWith('Value for argument')
  if (code === INVALID_ARGUMENT || isUnstorable) {
    const message = 'Firestore rejects this document: it is too large, or has lists inside lists'
    return new GatewayError('invalid_document', message, { cause: error })
  }
  return new GatewayError('store_unavailable', undefined, { cause: error, facts: { mayHaveExecuted: true } })
}

function storedOf(section: Section, snapshot: DocumentSnapshot): StoredDocument | undefined {
  const named = namedIn(section, snapshot.id, snapshot.data() ?? {})
  const stored = handled(section, snapshot.id, named)
  if (stored.tenantId === NO_TENANT || snapshot.updateTime === undefined) return undefined
  return { ...stored, etag: etagOf(snapshot.updateTime) }
}

/** What the id of a document says of it; templates that name no tenant are for all. */
function namedIn(section: Section, id: string, fields: JsonObject): JsonObject {
  if (section === 'tenants') return unhandled(section, fields)
  const isForAll = section === 'templates' && (fields['tenantId'] ?? undefined) === undefined
  return { name: id, ...fields, ...(isForAll && { tenantId: ALL_TENANTS }) }
}

function identityFor(document: JsonObject): { tenantId: string; name: string } {
  const identity = identityOf(document)
  if (identity === undefined) throw new TypeError('a document to be stored has no name or tenantId')
  return identity
}

function etagOf(time: Timestamp): string {
  return `${time.seconds}.${time.nanoseconds}`
}

function timeOf(etag: string): Timestamp {
  const [, seconds, nanoseconds] = ETAG.exec(etag) ?? []
  return new Timestamp(Number(seconds), Number(nanoseconds))
}
