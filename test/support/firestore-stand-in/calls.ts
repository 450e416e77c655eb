import {
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { Database } from './database.ts'
import { listen } from './listen.ts'
import type { ListenRequest, ListenResponse, QueryTarget, Reading, Write } from './messages.ts'
import { StatusError } from './status-error.ts'

type BatchGetRequest = Reading & { database: string; documents: string[] }
type RunQueryRequest = Reading & QueryTarget
type CountRequest = Reading & {
  parent: string
  structuredAggregationQuery: {
    structuredQuery: QueryTarget['structuredQuery']
    aggregations: { alias: string; operator: string }[]
  }
}
type CommitRequest = { database: string; writes: Write[]; transaction?: Buffer }

/** The calls that the stand-in answers; all others are UNIMPLEMENTED. */
export function callsOn(databaseOf: (name: string) => Database): UntypedServiceImplementation {
  return {
    batchGetDocuments: streaming((request: BatchGetRequest) =>
      batchGet(databaseOf(request.database), request),
    ),
    runQuery: streaming((request: RunQueryRequest) => runQuery(databaseOf(request.parent), request)),
    runAggregationQuery: streaming((request: CountRequest) => count(databaseOf(request.parent), request)),
    commit: unary(({ database, writes, transaction }: CommitRequest) =>
      databaseOf(database).commit(writes, transaction),
    ),
    batchWrite: unary(({ database, writes }: CommitRequest) => batchWrite(databaseOf(database), writes)),
    beginTransaction: unary(({ database }: { database: string }) => ({
      transaction: databaseOf(database).begin(),
    })),
    rollback: unary(({ database, transaction }: { database: string; transaction: Buffer }) => {
      databaseOf(database).rollback(transaction)
      return {}
    }),
    listen: (call: ServerDuplexStream<ListenRequest, ListenResponse>) => listen(call, databaseOf),
  }
}

function batchGet(database: Database, request: BatchGetRequest): object[] {
  const { transaction, begun } = transactionOf(database, request)
  const names = request.documents
  const found = database.read(transaction, () => names.map((name) => database.get(name)))()
  const readTime = database.readTime
  const answers = names.map((name, index) => {
    const document = found[index]
    return document === undefined ? { missing: name, readTime } : { found: document, readTime }
  })
  return begun === undefined ? answers : [{ transaction: begun }, ...answers]
}

function runQuery(database: Database, request: RunQueryRequest): object[] {
  const { transaction, begun } = transactionOf(database, request)
  const found = database.read(transaction, () => database.query(request))()
  const readTime = database.readTime
  const answers = found.map((document) => ({ document, readTime }))
  // The time is told even when nothing was found.
  return [...(begun === undefined ? [] : [{ transaction: begun }]), ...answers, { readTime }]
}

/** Only how many documents there are is told. */
function count(
  database: Database,
  { parent, structuredAggregationQuery, transaction }: CountRequest,
): object[] {
  const { structuredQuery, aggregations } = structuredAggregationQuery
  if (aggregations.some(({ operator }) => operator !== 'count'))
    throw new StatusError(status.UNIMPLEMENTED, 'the stand-in only counts')
  const found = database.read(transaction, () => database.query({ parent, structuredQuery }))().length
  const aggregateFields = Object.fromEntries(
    aggregations.map(({ alias }) => [alias, { integerValue: String(found) }]),
  )
  return [{ result: { aggregateFields }, readTime: database.readTime }]
}

/** Each write for itself: one that fails does not keep the others from being done. */
function batchWrite(database: Database, writes: readonly Write[]): object {
  const outcomes = writes.map((write) => {
    try {
      return { result: database.commit([write]).writeResults[0], status: { code: status.OK } }
    } catch (error) {
      const { code, details } = failureOf(error)
      return { result: {}, status: { code, message: details } }
    }
  })
  return {
    writeResults: outcomes.map(({ result }) => result),
    status: outcomes.map((outcome) => outcome.status),
  }
}

function transactionOf(
  database: Database,
  { consistencySelector, transaction }: Reading,
): { transaction: Buffer | undefined; begun?: Buffer } {
  if (consistencySelector !== 'newTransaction') return { transaction }
  const begun = database.begin()
  return { transaction: begun, begun }
}

function unary<Request>(answer: (request: Request) => object) {
  return (call: ServerUnaryCall<Request, object>, callback: sendUnaryData<object>): void => {
    try {
      callback(null, answer(call.request))
    } catch (error) {
      callback(failureOf(error))
    }
  }
}

function streaming<Request>(answers: (request: Request) => object[]) {
  return (call: ServerWritableStream<Request, object>): void => {
    try {
      for (const answer of answers(call.request)) call.write(answer)
      call.end()
    } catch (error) {
      call.emit('error', failureOf(error))
    }
  }
}

function failureOf(error: unknown): { code: status; details: string } {
  if (error instanceof StatusError) return { code: error.code, details: error.message }
  return { code: status.INTERNAL, details: String(error) }
}
