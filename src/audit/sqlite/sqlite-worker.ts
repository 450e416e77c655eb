import { workerData } from 'node:worker_threads'
import { answerTasks } from '../../threads/answer-tasks.ts'
import { damageOr } from './damage.ts'
import { SqliteDatabase } from './sqlite-database.ts'
import type { Result, Task } from './sqlite-protocol.ts'

function perform(database: SqliteDatabase, task: Task): Result {
  switch (task.kind) {
    case 'open':
      return {}
    case 'write':
      return { refused: database.write(Buffer.from(task.lines.buffer)) }
    case 'query':
      return database.query(task.query, task.position, task.limit)
    case 'count':
      return database.count(task.query, task.position)
    case 'delete':
      return { hasMore: database.deleteBefore(task.beforeMs) }
    case 'erase':
      return { count: database.erase(task.person, task.by) }
    case 'head':
      return { head: database.chain.open(Date.now()) }
    case 'checkpoint':
      database.chain.addCheckpoint(task.checkpoint)
      return {}
    case 'close':
      database.close()
      return {}
  }
}

const path: unknown = workerData
if (typeof path !== 'string') throw new TypeError('the audit thread did not receive a path')
let database: SqliteDatabase | undefined
answerTasks((task: Task) => {
  try {
    return perform((database ??= new SqliteDatabase(path)), task)
  } catch (error) {
    throw damageOr(error, path)
  }
})
