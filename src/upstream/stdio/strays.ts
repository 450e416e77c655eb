import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { type Clock, sleep } from '../../domain/clock.ts'

/** The variable by which processes are found that left the group of the program that started them. */
export const MARK = 'TOOL_GATEWAY_PROCESS'
const POLL_MS = 50
/** Processes that are looked at before other work gets its turn. */
const SLICE = 100

/**
 * A value of the variable for one program and all that it starts.
 * @param owner tells the data directory of the gateway apart (`lockId`), so that the next gateway there finds what is left
 */
export function newMark(owner = ''): string {
  return `${owner}/${randomUUID()}`
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
  await endAll(() => strays(mark, leaderPid), { clock, graceMs })
}

/**
 * Ends the processes that a gateway which was killed has left, before its successor starts the same programs: with SIGTERM,
 * and with SIGKILL what is left after `graceMs`. Returns how many there were.
 * @param owner of their marks; no other gateway that runs may have it
 */
export async function endLeftOver(
  owner: string,
  options: { clock: Clock; graceMs: number },
): Promise<number> {
  if (owner === '') return 0
  const find = async (): Promise<number[]> => {
    const found = [...(await marks())].filter(([mark]) => mark.startsWith(`${owner}/`))
    return found
      .flatMap(([, pids]) => pids)
      .filter((pid) => pid !== process.pid && groupOf(pid) !== undefined)
  }
  return await endAll(find, options)
}

/** Kills at once all processes with these marks. */
export function killMarked(wanted: ReadonlySet<string>): void {
  if (wanted.size === 0) return
  signalAll(
    processIds(readdirIfThere()).filter((pid) => wanted.has(markOf(pid) ?? '')),
    'SIGKILL',
  )
}

async function endAll(
  find: () => Promise<number[]>,
  { clock, graceMs }: { clock: Clock; graceMs: number },
): Promise<number> {
  const end = clock.monotonic() + graceMs
  let left = await find()
  const { length: found } = left
  signalAll(left, graceMs === 0 ? 'SIGKILL' : 'SIGTERM')
  while (left.length > 0 && clock.monotonic() < end) {
    await sleep(clock, Math.min(POLL_MS, end - clock.monotonic()))
    left = await find()
  }
  if (graceMs > 0) signalAll(left, 'SIGKILL')
  return found
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
  const pids = processIds(await readdir('/proc').catch(() => []))
  const byMark = new Map<string, number[]>()
  for (const [index, pid] of pids.entries()) {
    if (index % SLICE === SLICE - 1) await setImmediate()
    const mark = markOf(pid)
    if (mark !== undefined) byMark.set(mark, [...(byMark.get(mark) ?? []), pid])
  }
  return byMark
}

function processIds(names: readonly string[]): number[] {
  return names.filter((name) => /^[0-9]+$/.test(name)).map(Number)
}

function readdirIfThere(): string[] {
  try {
    return readdirSync('/proc')
  } catch {
    return []
  }
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
