import { GatewayError } from '../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { runPlan, type StepCall, type StepNews } from '../../src/pipelines/pipeline-run.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { plan } from './plans.ts'

export const READ = { id: 'read', tool: 'files_read' }

export type Answer = (call: StepCall) => JsonObject | Promise<JsonObject>

/** One run, and what became of it. */
export class RunWorld {
  readonly clock = new FakeClock()
  readonly calls: StepCall[] = []
  readonly news: StepNews[] = []
  readonly progress: JsonObject[] = []
  readonly cancel = new AbortController()

  run(
    steps: readonly object[],
    given: { input?: JsonObject; answer?: Answer; [field: string]: unknown } = {},
  ): Promise<JsonObject> {
    const { input = {}, answer = echo, ...fields } = given
    return runPlan(plan(steps, fields), {
      input,
      call: async (call) => {
        this.calls.push(call)
        return answer(call)
      },
      clock: this.clock,
      timeoutMs: 10_000,
      signal: this.cancel.signal,
      onStep: (each) => this.news.push(each),
      onProgress: (each) => this.progress.push(each),
    })
  }

  get statuses(): string[] {
    return this.news.map(({ id, status }) => `${id} ${status}`)
  }
}

export function text(value: string): JsonObject {
  return { content: [{ type: 'text', text: value }] }
}

const echo: Answer = (call) => text(JSON.stringify(call.arguments))

/** A call that ends only when it is cancelled. */
export const hang: Answer = ({ signal }) => {
  const { promise, reject } = Promise.withResolvers<JsonObject>()
  signal.addEventListener('abort', () => reject(new GatewayError('cancelled')))
  return promise
}

export const down: Answer = () => {
  throw new GatewayError('upstream_unavailable', 'Server files is down', { facts: { server: 'files' } })
}
