import { type Clock, sleep } from '../../domain/clock.ts'
import { killMarked } from './strays.ts'

const POLL_MS = 25

/** The leaders of the groups that must not outlive this process, and the marks of what they have started. */
const tied = new Map<number, string | undefined>()
let isListening = false

/**
 * Has a group killed when this process exits before it has ended the group: after a second signal, or a fault. What an
 * end by SIGKILL leaves is ended by the next start.
 * @param mark of the processes that left the group
 */
export function tieGroup(leaderPid: number, mark?: string): void {
  if (!isListening) process.once('exit', killTied)
  isListening = true
  tied.set(leaderPid, mark)
}

/** A group has ended, and another one may get its number. */
export function untieGroup(leaderPid: number): void {
  tied.delete(leaderPid)
}

function killTied(): void {
  for (const leaderPid of tied.keys()) signalGroup(leaderPid, 'SIGKILL')
  killMarked(new Set([...tied.values()].filter((mark) => mark !== undefined)))
}

/** Signals every process of the group that `leaderPid` leads; false when none is left. */
export function signalGroup(leaderPid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leaderPid, signal)
    return true
  } catch {
    return false
  }
}

/** Ends every process of a group: with SIGTERM, and with SIGKILL what is left after `graceMs`. */
export async function endGroup(
  leaderPid: number,
  { clock, graceMs }: { clock: Clock; graceMs: number },
): Promise<void> {
  if (!signalGroup(leaderPid, 'SIGTERM')) return
  if (!(await groupGone(leaderPid, clock, graceMs))) signalGroup(leaderPid, 'SIGKILL')
}

/** Resolves as soon as no process of the group is left, or after `timeoutMs`; says whether none is left. */
export async function groupGone(leaderPid: number, clock: Clock, timeoutMs: number): Promise<boolean> {
  const end = clock.monotonic() + timeoutMs
  while (signalGroup(leaderPid, 0)) {
    const remainingMs = end - clock.monotonic()
    if (remainingMs <= 0) return false
    await sleep(clock, Math.min(POLL_MS, remainingMs))
  }
  return true
}
