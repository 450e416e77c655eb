import {
  type CollectionReference,
  type DocumentData,
  FieldPath,
  type Firestore,
  type Query,
  Timestamp,
} from '@google-cloud/firestore'
import type { ChainEntry } from '../chain/chain-entries.ts'
import type { Checkpoint } from '../chain/checkpoint.ts'
import { recordText } from '../chain/record-text.ts'
import { CHECKPOINTS, linkIn, RECORDS, recordOfDocument } from './record-documents.ts'

const PAGE = 1000
const DAY_MS = 86_400_000
/** Checkpoints outlast the records that they cover. */
const CHECKPOINT_DAYS = 30
const SEQ_DIGITS = 15

/** Keeps a checkpoint, in place of an earlier one of the same number. */
export async function addCheckpoint(
  db: Firestore,
  { writer, seq, atMs, note }: Checkpoint,
  retentionMs: number | undefined,
): Promise<void> {
  const name = `${writer}-${String(seq).padStart(SEQ_DIGITS, '0')}`
  const expireAt =
    retentionMs === undefined
      ? undefined
      : Timestamp.fromMillis(atMs + retentionMs + CHECKPOINT_DAYS * DAY_MS)
  await db
    .collection(CHECKPOINTS)
    .doc(name)
    .set({ writer, seq, atMs, note, ...(expireAt !== undefined && { expireAt }) })
}

/** All chains in a database, one after the other, in pages; records of no chain come last. */
export async function* firestoreEntries(db: Firestore): AsyncGenerator<ChainEntry> {
  const records = db.collection(RECORDS)
  let chained = 0
  for await (const writer of writersIn(db))
    for await (const entry of entriesOf(db, writer)) {
      if (entry.kind === 'record') chained += 1
      yield entry
    }
  const { count } = (await records.count().get()).data()
  if (count > chained) yield* unchainedIn(records)
}

/** Every writer that has a checkpoint or a record, one query for each. */
async function* writersIn(db: Firestore): AsyncGenerator<string> {
  let last = ''
  for (;;) {
    const next = await Promise.all(
      [RECORDS, CHECKPOINTS].map(async (name) => {
        const { docs } = await db.collection(name).where('writer', '>', last).orderBy('writer').limit(1).get()
        return docs.map((document) => String(document.get('writer')))
      }),
    )
    const [writer] = next.flat().toSorted()
    if (writer === undefined) return
    yield writer
    last = writer
  }
}

/** The records of a writer with its checkpoints between them. */
async function* entriesOf(db: Firestore, writer: string): AsyncGenerator<ChainEntry> {
  const bySeq = (name: string): Query => db.collection(name).where('writer', '==', writer).orderBy('seq')
  const checkpoints = pagesOf(bySeq(CHECKPOINTS))
  let waiting = await checkpoints.next()
  const before = async function* (seq: number): AsyncGenerator<ChainEntry> {
    while (waiting.done !== true && Number(waiting.value.data['seq']) < seq) {
      yield checkpointIn(waiting.value.data)
      waiting = await checkpoints.next()
    }
  }
  for await (const { id, data } of pagesOf(bySeq(RECORDS))) {
    const link = linkIn(data)
    const { record } = recordOfDocument(id, data)
    if (link === undefined) continue
    yield* before(link.seq)
    yield { kind: 'record', ...link, text: record === undefined ? '{}' : recordText(record) }
  }
  yield* before(Infinity)
}

interface Found {
  readonly id: string
  readonly data: DocumentData
}

/** The documents of a query, a page at a time. */
async function* pagesOf(query: Query): AsyncGenerator<Found> {
  let page = await query.limit(PAGE).get()
  for (;;) {
    for (const document of page.docs) yield { id: document.id, data: document.data() }
    const last = page.docs.at(-1)
    if (last === undefined || page.docs.length < PAGE) return
    page = await query.startAfter(last).limit(PAGE).get()
  }
}

/** The whole collection, because no index knows what a document does not have. */
async function* unchainedIn(records: CollectionReference): AsyncGenerator<ChainEntry> {
  for await (const { id, data } of pagesOf(records.orderBy(FieldPath.documentId()))) {
    if (linkIn(data) !== undefined) continue
    const { record } = recordOfDocument(id, data)
    yield {
      kind: 'unchained',
      id,
      atMs: Number(data['atMs']),
      text: record === undefined ? '{}' : recordText(record),
    }
  }
}

function checkpointIn({ writer, seq, atMs, note }: DocumentData): ChainEntry {
  return {
    kind: 'checkpoint',
    writer: String(writer),
    seq: Number(seq),
    atMs: Number(atMs),
    note: String(note),
  }
}
