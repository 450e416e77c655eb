import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'
import { endsWithUs } from '../../test/support/ends-with-us.ts'
import type { Job, LoadResult, Step, StepAnswer } from '../load/job.ts'

/** A process that was started for the benchmark. */
export interface Program {
  readonly pid: number
  /** Where it listens. */
  readonly url: string
  readonly close: () => Promise<void>
}

/** Starts a program of `bench/upstream/` that prints its URL first. Rejects when it ends before that. */
export async function startProgram(file: string, ...args: string[]): Promise<Program> {
  const path = fileURLToPath(new URL(`../upstream/${file}`, import.meta.url))
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  endsWithUs(child)
  const url = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line').then(([line]) => String(line)),
    once(child, 'exit').then(() => Promise.reject(new Error(`${file} ended before it listened`))),
  ])
  return { pid: child.pid ?? 0, url, close: () => ended(child) }
}

/** The process that makes the calls. */
export interface Generator {
  /** Opens the callers and warms up. Rejects when one is not let in or gets a wrong answer. */
  readonly prepare: (job: Job) => Promise<void>
  /** Makes the calls of the job that is prepared. */
  readonly run: () => Promise<LoadResult>
  /** Closes the callers. */
  readonly finish: () => Promise<void>
  readonly close: () => Promise<void>
}

/** Starts the load generator. */
export function startGenerator(): Generator {
  const child = fork(new URL('../load/generator.ts', import.meta.url))
  endsWithUs(child)
  let pending = Promise.withResolvers<StepAnswer>()
  child.on('message', (answer: StepAnswer) => pending.resolve(answer))
  child.once('exit', () => pending.resolve({ error: 'the load generator ended' }))
  const ask = async (step: Step): Promise<LoadResult | undefined> => {
    pending = Promise.withResolvers()
    child.send(step)
    const { error, result } = await pending.promise
    if (error !== undefined) throw new Error(error)
    return result
  }
  return {
    prepare: async (job) => void (await ask({ step: 'prepare', job })),
    run: async () => {
      const result = await ask({ step: 'run' })
      if (result === undefined) throw new Error('the load generator has no result')
      return result
    },
    finish: async () => void (await ask({ step: 'close' })),
    close: () => ended(child),
  }
}

/** Ends a child as a signal does, and waits for it. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}
