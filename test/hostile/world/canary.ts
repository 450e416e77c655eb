import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { CanaryReport } from './canary-thread.ts'

/** A caller of another tenant that goes on calling, whatever else happens. */
export class Canary implements AsyncDisposable {
  readonly #thread: Worker

  constructor(options: { url: string; token: string }) {
    this.#thread = new Worker(join(import.meta.dirname, 'canary-thread.ts'), { workerData: options })
  }

  /** What it saw since the last question. */
  async report(): Promise<CanaryReport> {
    const answered = once(this.#thread, 'message')
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
    this.#thread.postMessage('report')
    const [report] = (await answered) as [CanaryReport]
    return report
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread.terminate()
  }
}
