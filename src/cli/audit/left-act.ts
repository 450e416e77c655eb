import { userInfo } from 'node:os'
import type { LeftAct } from '../../audit/acts/act-inbox.ts'
import { messageOf } from '../../domain/errors/errors.ts'
import { CliError } from '../cli-error.ts'

/**
 * Leaves what a command did for the records of the gateway with this data directory.
 * @throws CliError when it cannot be written: then it is not to be used
 */
export async function leaveForGateway(dataDir: string, act: Omit<LeftAct, 'by'>): Promise<void> {
  const { leaveAct } = await import('../../audit/acts/act-inbox.ts')
  const { systemClock } = await import('../../domain/clock.ts')
  await leaveAct(dataDir, { ...act, by: userName() }, systemClock).catch((error: unknown) => {
    throw new CliError('config', `it cannot be recorded: ${messageOf(error)}`)
  })
}

/** A container may have users without names. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}`
  }
}
