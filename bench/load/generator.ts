/** The load generator, a process of its own: takes the steps of one measurement after another over IPC, see `job.ts`. */
import { percentile } from '../../test/support/percentiles.ts'
import { type Caller, isAnswer, openCaller } from './caller.ts'
import type { Job, LoadResult, Step, StepAnswer } from './job.ts'

interface Prepared {
  readonly job: Job
  readonly callers: readonly Caller[]
}

let prepared: Prepared | undefined
let lastMessage = 0

process.on('message', (step: Step) => {
  void take(step).then(
    (result) => answer(result === undefined ? {} : { result }),
    (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
  )
})

function answer(value: StepAnswer): void {
  process.send?.(value)
}

async function take(step: Step): Promise<LoadResult | undefined> {
  if (step.step === 'prepare') {
    const { job } = step
    const callers = await Promise.all(
      Array.from({ length: job.callers }, (_, index) => openCaller(job, index)),
    )
    prepared = { job, callers }
    await run(prepared, job.warmUp)
    return undefined
  }
  if (prepared === undefined) throw new Error('nothing is prepared')
  if (step.step === 'run') return measured(prepared)
  const { callers } = prepared
  prepared = undefined
  await Promise.all(callers.map((caller) => caller.close()))
  return undefined
}

async function measured(ready: Prepared): Promise<LoadResult> {
  const { calls } = ready.job
  const [start, before] = [performance.now(), process.cpuUsage()]
  const times = await run(ready, calls)
  const wallMs = performance.now() - start
  const { user, system } = process.cpuUsage(before)
  return {
    calls,
    wallMs,
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    generatorUs: (user + system) / calls,
  }
}

/** Makes so many calls by all callers; resolves with the time that each took. Rejects at the first wrong answer. */
async function run({ job, callers }: Prepared, calls: number): Promise<number[]> {
  const times: number[] = []
  let left = calls
  const loop = async (caller: Caller): Promise<void> => {
    while (left > 0) {
      left -= 1
      const message = `call-${(lastMessage += 1)}-`
      const before = performance.now()
      // oxlint-disable-next-line no-await-in-loop -- a closed loop
      const text = await caller.call(message)
      times.push(performance.now() - before)
      if (!isAnswer(text, message, job))
        throw new Error(`wrong answer to ${message}: ${text.toString().slice(0, 300)}`)
    }
  }
  await Promise.all(callers.map(loop))
  return times
}
