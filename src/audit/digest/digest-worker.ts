import { parentPort, workerData } from 'node:worker_threads'
import { isJsonObject } from '../../domain/json/json.ts'
import { argumentsDigest } from './arguments-digest.ts'
import type { DigestAnswer, DigestTask } from './digest-thread.ts'

const options: unknown = workerData
const key = isJsonObject(options) ? options['key'] : undefined
if (!(key instanceof Uint8Array)) throw new TypeError('the digest thread did not receive a key')

parentPort?.on('message', ({ id, texts }: DigestTask) => {
  const answer: DigestAnswer = { id, digests: texts.map((text) => argumentsDigest(key, text)) }
  parentPort?.postMessage(answer, [])
})
