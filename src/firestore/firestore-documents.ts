import { DocumentReference, type DocumentSnapshot, type Firestore, Timestamp } from '@google-cloud/firestore'
import type { Clock } from '../domain/clock.ts'
import { isJsonObject } from '../domain/json/json.ts'
import { withDeadline } from './deadline.ts'
import type { DocumentStore, WatchedDocument } from './document-store.ts'

const DEADLINE_MS = 2000
const ALREADY_EXISTS = 6
/** A document that need not exist: reading it costs one read and tells that the store answers. */
const PROBED = 'catalog_snapshots/probe'

/** The documents of a Firestore database. Without an answer within 2 s every call rejects. */
export function firestoreDocuments(
  db: Firestore,
  { clock, deadlineMs = DEADLINE_MS }: { clock: Clock; deadlineMs?: number },
): DocumentStore {
  const timely = <T>(promise: Promise<T>, what: string): Promise<T> =>
    withDeadline(clock, promise, deadlineMs, `Firestore: ${what}`)
  return {
    listen: (collection, onDocuments, onError) =>
      db.collection(collection).onSnapshot(({ docs }) => onDocuments(docs.map(watchedDocument)), onError),
    probe: async () => void (await timely(db.doc(PROBED).get(), 'a probe')),
    get: async (path) => {
      const document = await timely(db.doc(path).get(), `reading ${path}`)
      return document.exists ? watchedDocument(document) : undefined
    },
    where: async (collection, field, value) => {
      const { docs } = await timely(
        db.collection(collection).where(field, '==', value).get(),
        `a query of ${collection}`,
      )
      return docs.map(watchedDocument)
    },
    create: async (path, value) => {
      try {
        await timely(db.doc(path).create(value), `creating ${path}`)
        return true
      } catch (error) {
        if (isJsonObject(error) && error['code'] === ALREADY_EXISTS) return false
        throw error
      }
    },
    set: async (path, value) => void (await timely(db.doc(path).set(value), `writing ${path}`)),
    delete: async (path) => void (await timely(db.doc(path).delete(), `deleting ${path}`)),
  }
}

function watchedDocument(document: DocumentSnapshot): WatchedDocument {
  const value = jsonOf(document.data())
  return {
    id: document.id,
    value: isJsonObject(value) ? value : {},
    version: versionOf(document),
  }
}

function versionOf({ updateTime }: DocumentSnapshot): string {
  return updateTime === undefined ? '' : `${updateTime.seconds}.${updateTime.nanoseconds}`
}

/** A value of Firestore as JSON; entries are defined, not assigned, so that a field named `__proto__` stays one. */
function jsonOf(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(jsonOf)
  if (Buffer.isBuffer(value)) return value.toString('base64')
  if (value instanceof Timestamp) return value.toDate().toISOString()
  if (value instanceof DocumentReference) return value.path
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, jsonOf(member)]))
}
