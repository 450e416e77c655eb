import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { type Clock, sleep } from '../../domain/clock.ts'

/** The variable by which processes are found that left the group of the program that started them. */
export const MARK = 'TOOL_GATEWAY_PROCESS'
const POLL_MS = 50
/** Processes that are looked at before other work gets its turn. */
const SLICE = 100

/** A value of the variable for one program and all that it starts. */
export function newMark(): string {
  return randomUUID()
}

/**
 * Ends the processes that a program has started in another session or group, such as daemons and browsers: with SIGTERM,
 * and with SIGKILL what is left after `graceMs`. Never rejects. A process that has removed the mark from its environment
 * is not found, and on systems without `/proc` none is.
 * @param options.leaderPid of the program, whose group ends in another way
 */
export async function endStrays(
  mark: string,
  { leaderPid, clock, graceMs }: { leaderPid: number; clock: Clock; graceMs: number },
): Promise<void> {
  const end = clock.monotonic() + graceMs
  let left = await strays(mark, leaderPid)
  signalAll(left, graceMs === 0 ? 'SIGKILL' : 'SIGTERM')
  while (left.length > 0 && clock.monotonic() < end) {
    await sleep(clock, Math.min(POLL_MS, end - clock.monotonic()))
    left = await strays(mark, leaderPid)
  }
  if (graceMs > 0) signalAll(left, 'SIGKILL')
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch {
      // It has ended by itself.
    }
  }
}

async function strays(mark: string, leaderPid: number): Promise<number[]> {
  scan ??= marks()
  const pids = (await scan).get(mark) ?? []
  return pids.filter((pid) => {
    const group = groupOf(pid)
    return group !== undefined && group !== leaderPid
  })
}

/** The group of a process; undefined for one that has ended. */
function groupOf(pid: number): number | undefined {
  const text = textOf(`/proc/${pid}/stat`)
  // After the name of the program, which may hold anything: state, parent, group.
  const [state, , group] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return state === undefined || state === '' || state === 'Z' ? undefined : Number(group)
}

/** Many programs end at the same time when a gateway stops: calls in the same turn share one scan of all processes. */
let scan: Promise<Map<string, number[]>> | undefined

async function marks(): Promise<Map<string, number[]>> {
  await setImmediate()
  // Later calls may be about newer processes.
  scan = undefined
  const names = await readdir('/proc').catch(() => [])
  const pids = names.filter((name) => /^[0-9]+$/.test(name)).map(Number)
  const byMark = new Map<string, number[]>()
  for (const [index, pid] of pids.entries()) {
    if (index % SLICE === SLICE - 1) await setImmediate()
    const mark = markOf(pid)
    if (mark !== undefined) byMark.set(mark, [...(byMark.get(mark) ?? []), pid])
  }
  return byMark
}

/** Processes of other users, and those that have ended, have none that can be read. */
function markOf(pid: number): string | undefined {
  const environment = textOf(`/proc/${pid}/environ`)
  const start = `${MARK}=`
  const at = environment.startsWith(start) ? 0 : environment.indexOf(`\0${start}`) + 1
  if (at === 0 && !environment.startsWith(start)) return undefined
  return environment.slice(at + start.length).split('\0', 1)[0]
}

/** Not in the background, which costs several times as much for files that are in memory. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
