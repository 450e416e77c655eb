import { parentPort, workerData } from 'node:worker_threads'
import { messageOf } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { SqliteDatabase } from './sqlite-database.ts'
import type { AnswerMessage, Result, Task, TaskMessage } from './sqlite-protocol.ts'
import type { ThreadOptions } from './sqlite-thread.ts'

const NOTHING: Result = { records: [], more: false }

function isThreadOptions(value: unknown): value is ThreadOptions {
  return isJsonObject(value) && typeof value['path'] === 'string' && value['digestKey'] instanceof Uint8Array
}

function answer(message: AnswerMessage): void {
  parentPort?.postMessage(message, [])
}

function perform(database: SqliteDatabase, task: Task): Result {
  if (task.kind === 'query') {
    return { records: database.query(task.query, task.position, task.limit), more: false }
  }
  if (task.kind === 'delete') return { records: [], more: database.deleteBefore(task.beforeMs) }
  if (task.kind === 'write') database.write(task.batch)
  else database.close()
  return NOTHING
}

try {
  const options: unknown = workerData
  if (!isThreadOptions(options)) throw new TypeError('the audit thread did not receive a path and a key')
  const database = new SqliteDatabase(options)
  parentPort?.on('message', ({ id, task }: TaskMessage) => {
    try {
      answer({ id, result: perform(database, task) })
    } catch (error) {
      answer({ id, result: NOTHING, error: messageOf(error) })
    }
  })
  answer({ id: 0, result: NOTHING })
} catch (error) {
  answer({ id: 0, result: NOTHING, error: messageOf(error) })
}
