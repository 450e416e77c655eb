import { readdirSync, readFileSync } from 'node:fs'
import { descendantsOf } from '../../test/support/process-tree.ts'

/** Microseconds of a clock tick, in which `/proc/PID/stat` counts. */
const TICK_US = 10_000

/** What a process and those below it have used so far. */
export interface Usage {
  /** Processor time of the process in user and system mode, in microseconds. */
  readonly ownUs: number
  /** That of all processes below it together. */
  readonly childrenUs: number
}

/** The processor time of a process and of its children. @throws Error where there is no /proc, or no such process */
export function usageOf(pid: number): Usage {
  const children = descendantsOf(pid).map(processorUs)
  return { ownUs: processorUs(pid), childrenUs: children.reduce((sum, each) => sum + each, 0) }
}

/** Memory of a process that is resident, in MB. */
export function residentMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes ?? 0) / 1024
}

/** From the scheduler, which counts nanoseconds for each thread; where it does not, in ticks. */
function processorUs(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`).map((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'),
    )
    return threads.reduce((sum, text) => sum + Number(text.split(' ')[0]), 0) / 1000
  } catch {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_US
  }
}
