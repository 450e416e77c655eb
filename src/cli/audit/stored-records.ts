import type { StoredChains } from '../../audit/chain/chain-entries.ts'
import type { Settings } from '../../config/settings.ts'
import { messageOf } from '../../domain/errors/errors.ts'
import { asCliError, CliError } from '../cli-error.ts'

/** The records of an installation, for reading. @throws CliError `config` when there are none, `data` when they are damaged */
export async function openStoredRecords(settings: Settings): Promise<StoredChains> {
  const { openStoredChains } = await import('../../audit/export/stored-chains.ts')
  return await openStoredChains(settings).catch((error: unknown) => {
    throw asCliError(error) ?? new CliError('config', messageOf(error))
  })
}
