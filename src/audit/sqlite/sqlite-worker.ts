import { workerData } from 'node:worker_threads'
import { isJsonObject } from '../../domain/json/json.ts'
import { answerTasks } from '../thread/answer-tasks.ts'
import { SqliteDatabase, type SqliteDatabaseOptions } from './sqlite-database.ts'
import type { Result, Task } from './sqlite-protocol.ts'

const NOTHING: Result = { records: [], more: false }

function isDatabaseOptions(value: unknown): value is SqliteDatabaseOptions {
  return isJsonObject(value) && typeof value['path'] === 'string' && value['digestKey'] instanceof Uint8Array
}

function perform(database: SqliteDatabase, task: Task): Result {
  if (task.kind === 'query') {
    return { records: database.query(task.query, task.position, task.limit), more: false }
  }
  if (task.kind === 'delete') return { records: [], more: database.deleteBefore(task.beforeMs) }
  if (task.kind === 'write') database.write(task.batch)
  else if (task.kind === 'close') database.close()
  return NOTHING
}

const options: unknown = workerData
if (!isDatabaseOptions(options)) throw new TypeError('the audit thread did not receive a path and a key')
let database: SqliteDatabase | undefined
answerTasks((task: Task) => perform((database ??= new SqliteDatabase(options)), task))
