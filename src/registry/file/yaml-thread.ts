import { messageOf } from '../../domain/errors/errors.ts'
import { startThread } from '../../threads/start-thread.ts'
import type { ParsedText } from './yaml-text.ts'

/** What the worker answers: the value as JSON, which is read much faster than it could be copied. */
export type YamlAnswer = { readonly json: string } | { readonly problem: string }

/** Reads a text in YAML in a thread that ends with it. Never rejects. */
export async function parseYamlInThread(text: string): Promise<ParsedText> {
  const worker = startThread(import.meta, './yaml-worker', text)
  const { promise, resolve } = Promise.withResolvers<ParsedText>()
  worker.once('message', (answer: YamlAnswer) =>
    resolve('problem' in answer ? answer : { root: JSON.parse(answer.json) as unknown }),
  )
  worker.once('error', (error) => resolve({ problem: `cannot be read (${messageOf(error)})` }))
  worker.once('exit', () => resolve({ problem: 'cannot be read' }))
  const parsed = await promise
  await worker.terminate()
  return parsed
}
