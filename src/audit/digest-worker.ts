import { parentPort, workerData } from 'node:worker_threads'
import { z } from 'zod'
import { argumentsDigest } from './arguments-digest.ts'
import type { DigestAnswer, DigestTask } from './digest-thread.ts'

const { key } = z.object({ key: z.instanceof(Uint8Array) }).parse(workerData)

parentPort?.on('message', ({ id, texts }: DigestTask) => {
  const answer: DigestAnswer = { id, digests: texts.map((text) => argumentsDigest(key, text)) }
  parentPort?.postMessage(answer, [])
})
