import { workerData } from 'node:worker_threads'
import { isJsonObject } from '../../domain/json/json.ts'
import { answerTasks } from '../../threads/answer-tasks.ts'
import { argumentsDigest } from './arguments-digest.ts'

const options: unknown = workerData
const bytes = isJsonObject(options) ? options['key'] : undefined
if (!(bytes instanceof Uint8Array)) throw new TypeError('the digest thread did not receive a key')
answerTasks(argumentsDigest(bytes))
