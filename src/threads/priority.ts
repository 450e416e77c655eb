import { readlinkSync } from 'node:fs'
import { constants, setPriority } from 'node:os'

/**
 * Lets this thread run before others that want the processor, as far as the system permits it, which Linux does for root and
 * with CAP_SYS_NICE; says whether it does.
 */
export function raisePriority(): boolean {
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
    setPriority(thread, constants.priority.PRIORITY_HIGHEST)
    return true
  } catch {
    return false
  }
}
