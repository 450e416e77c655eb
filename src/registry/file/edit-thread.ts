import { startThread } from '../../threads/start-thread.ts'
import { checkedEdit, type EditTask } from './checked-edit.ts'
import { LARGE_TEXT } from './registry-text.ts'

/**
 * As `checkedEdit`; a large text is edited in a thread, so that it does not block the event loop.
 * @throws Error when the thread fails
 */
export async function editedText(task: EditTask): Promise<string | undefined> {
  if (task.text.length + task.expected.length < LARGE_TEXT) return checkedEdit(task)
  const worker = startThread(import.meta, './edit-worker', JSON.stringify(task))
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>()
  worker.once('message', resolve)
  worker.once('error', reject)
  worker.once('exit', () => reject(new Error('the thread that edits it has ended')))
  try {
    return await promise
  } finally {
    await worker.terminate()
  }
}
