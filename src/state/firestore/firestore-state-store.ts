import { createHash, randomUUID } from 'node:crypto'
import {
  type CollectionReference,
  type DocumentReference,
  type DocumentSnapshot,
  FieldValue,
  type Firestore,
  Timestamp,
} from '@google-cloud/firestore'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { withDeadline } from '../../firestore/deadline.ts'
import { checkKey, checkPrefix, checkValue } from '../state-key.ts'
import type { PutOptions, StateEntry, StatePage, StateStore } from '../state-store.ts'

/** One collection for all, so that one TTL policy and one rule hold for everything. */
const COLLECTION = 'gateway_state'
const DEADLINE_MS = 5000
const NOT_FOUND = 5
const ALREADY_EXISTS = 6
const FAILED_PRECONDITION = 9

/**
 * State entries as documents `gateway_state/{digest of collection and key}`. Their version is the time of the last
 * write, which Firestore checks itself.
 */
export class FirestoreStateStore implements StateStore {
  readonly #documents: CollectionReference
  readonly #clock: Clock
  readonly #deadlineMs: number

  constructor(options: { db: Firestore; clock: Clock; deadlineMs?: number }) {
    this.#documents = options.db.collection(COLLECTION)
    this.#clock = options.clock
    this.#deadlineMs = options.deadlineMs ?? DEADLINE_MS
  }

  async get(collection: string, key: string): Promise<StateEntry | undefined> {
    checkKey(collection, key)
    const document = await this.#answer(this.#document(collection, key).get(), { isWrite: false })
    return this.#entryOf(collection, document)
  }

  async put(
    collection: string,
    key: string,
    value: string,
    { expected, expiresAt }: PutOptions = {},
  ): Promise<string | undefined> {
    checkKey(collection, key)
    checkValue(value)
    const document = this.#document(collection, key)
    const fields: Fields = {
      path: pathOf(collection, key),
      value,
      // Tells this write from others where the library sends it twice, and makes it a change in any case.
      write: randomUUID(),
      ...(expiresAt !== undefined && { expireAt: Timestamp.fromMillis(expiresAt) }),
    }
    if (expected === undefined) return versionOf(await this.#answer(document.set(fields)))
    if (expected === null) return this.#create(document, fields)
    const found = await this.#answer(document.get(), { isWrite: false })
    const isExpected = versionOfSnapshot(found) === expected && !this.#hasExpired(found)
    return isExpected ? this.#replace(document, fields, found) : undefined
  }

  async delete(
    collection: string,
    key: string,
    { expected }: { readonly expected?: string } = {},
  ): Promise<boolean> {
    checkKey(collection, key)
    const document = this.#document(collection, key)
    const found = await this.#answer(document.get(), { isWrite: false })
    const { updateTime: lastUpdateTime } = found
    if (lastUpdateTime === undefined || this.#hasExpired(found)) return false
    if (expected !== undefined && versionOfSnapshot(found) !== expected) return false
    return (await this.#unlessRefused(document.delete({ lastUpdateTime }))) !== undefined
  }

  async list(
    collection: string,
    prefix: string,
    { limit, after }: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<StatePage> {
    checkPrefix(collection, prefix)
    const path = pathOf(collection, prefix)
    // Keys are printable ASCII, and DEL comes after all of it.
    const asked = this.#documents.where('path', '>=', path).where('path', '<', `${path}\x7f`).orderBy('path')
    const from = after === undefined ? asked : asked.startAfter(pathOf(collection, after))
    const { docs } = await this.#answer(from.limit(limit + 1).get(), { isWrite: false })
    const page = docs.slice(0, limit)
    const last = page.at(-1)
    return {
      entries: page.flatMap((document) => this.#entryOf(collection, document) ?? []),
      next: docs.length > limit && last !== undefined ? keyOf(collection, last) : undefined,
    }
  }

  /** The client stays open. */
  close(): Promise<void> {
    return Promise.resolve()
  }

  #document(collection: string, key: string): DocumentReference {
    return this.#documents.doc(createHash('sha256').update(pathOf(collection, key)).digest('base64url'))
  }

  async #create(document: DocumentReference, fields: Fields): Promise<string | undefined> {
    const created = await this.#unlessRefused(document.create(fields))
    if (created !== undefined) return versionOf(created)
    const found = await this.#answer(document.get(), { isWrite: false })
    if (found.get('write') === fields.write) return versionOfSnapshot(found)
    const isExpired = found.exists && this.#hasExpired(found)
    return isExpired ? this.#replace(document, fields, found) : undefined
  }

  /** Fails if it has changed since it was read. */
  async #replace(
    document: DocumentReference,
    fields: Fields,
    { updateTime: lastUpdateTime }: DocumentSnapshot,
  ): Promise<string | undefined> {
    if (lastUpdateTime === undefined) return undefined
    const change = { ...fields, expireAt: fields.expireAt ?? FieldValue.delete() }
    const written = await this.#unlessRefused(document.update(change, { lastUpdateTime }))
    if (written !== undefined) return versionOf(written)
    const found = await this.#answer(document.get(), { isWrite: false })
    return found.get('write') === fields.write ? versionOfSnapshot(found) : undefined
  }

  /** Undefined when the precondition of the write does not hold. */
  async #unlessRefused<T>(write: Promise<T>): Promise<T | undefined> {
    return await this.#answer(
      write.catch((error: unknown) => {
        const code = isJsonObject(error) ? error['code'] : undefined
        if (code === NOT_FOUND || code === ALREADY_EXISTS || code === FAILED_PRECONDITION) return undefined
        throw error
      }),
    )
  }

  async #answer<T>(asked: Promise<T>, { isWrite = true } = {}): Promise<T> {
    try {
      return await withDeadline(this.#clock, asked, this.#deadlineMs, 'a request for state')
    } catch (cause) {
      throw new GatewayError('state_unavailable', undefined, { cause, facts: { mayHaveExecuted: isWrite } })
    }
  }

  #entryOf(collection: string, document: DocumentSnapshot): StateEntry | undefined {
    const version = versionOfSnapshot(document)
    const value: unknown = document.get('value')
    if (version === undefined || typeof value !== 'string' || this.#hasExpired(document)) return undefined
    return { key: keyOf(collection, document), value, version, expiresAt: expiryOf(document) }
  }

  #hasExpired(document: DocumentSnapshot): boolean {
    return (expiryOf(document) ?? Number.POSITIVE_INFINITY) <= this.#clock.now()
  }
}

interface Fields {
  readonly path: string
  readonly value: string
  readonly write: string
  readonly expireAt?: Timestamp
}

/** No name of a collection has a slash, so that no collection is a prefix of another. */
function pathOf(collection: string, key: string): string {
  return `${collection}/${key}`
}

function keyOf(collection: string, document: DocumentSnapshot): string {
  return String(document.get('path')).slice(collection.length + 1)
}

function expiryOf(document: DocumentSnapshot): number | undefined {
  const expireAt: unknown = document.get('expireAt')
  return expireAt instanceof Timestamp ? expireAt.toMillis() : undefined
}

function versionOf({ writeTime }: { readonly writeTime: Timestamp }): string {
  return `${writeTime.seconds}.${writeTime.nanoseconds}`
}

function versionOfSnapshot({ updateTime }: DocumentSnapshot): string | undefined {
  return updateTime === undefined ? undefined : versionOf({ writeTime: updateTime })
}
