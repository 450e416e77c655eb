import { workerData } from 'node:worker_threads'
import { answerTasks } from '../../threads/answer-tasks.ts'
import { StateDatabase } from './state-database.ts'
import type { StateTask } from './state-protocol.ts'

const path: unknown = workerData
if (typeof path !== 'string') throw new TypeError('the state thread did not receive a path')
let database: StateDatabase | undefined
answerTasks((task: StateTask) => (database ??= new StateDatabase(path)).perform(task))
