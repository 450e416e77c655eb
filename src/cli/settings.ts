import { loadSettings, SettingsError } from '../config/load.ts'
import type { Settings } from '../config/settings.ts'
import { CliError } from './cli-error.ts'

/** The settings of this environment. @throws CliError `config` with every problem */
export function settingsFrom(env: NodeJS.ProcessEnv): Settings {
  try {
    return loadSettings(env)
  } catch (error) {
    if (error instanceof SettingsError)
      throw new CliError('config', `these settings are not valid:\n${error.message}`)
    throw error
  }
}
