import { parentPort } from 'node:worker_threads'
import { messageOf } from '../domain/errors/errors.ts'
import { mendJsonParse } from '../domain/json/json.ts'
import type { AnswerMessage, TaskMessage } from './task-thread.ts'

/** In a thread: answers each task of its `TaskThread` with what `perform` returns, or with why it throws. */
export function answerTasks(perform: (task: never) => unknown): void {
  mendJsonParse()
  parentPort?.on('message', ({ id, task }: TaskMessage<never>) =>
    parentPort?.postMessage(
      answerOf(id, () => perform(task)),
      [],
    ),
  )
}

function answerOf(id: number, perform: () => unknown): AnswerMessage<unknown> {
  try {
    return { id, result: perform() }
  } catch (error) {
    return { id, error: messageOf(error) }
  }
}
