import { Command } from 'commander'
import { asJson, type CliContext, rowsFor } from './context.ts'

/** `config check`: says whether the settings of this environment can be used, and what they come to. */
export function configCommand(context: CliContext): Command {
  const { env, print, printError } = context
  const check = new Command('check')
    .description(
      'check the settings in the environment; exits with 78 and lists every problem if they are not valid',
    )
    .option('--json', 'print the settings as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { settingsFrom } = await import('./settings.ts')
      const { listedSettings, withoutSecrets } = await import('../config/listing.ts')
      const { nearMisses, nearMissText } = await import('../config/near-misses.ts')
      for (const miss of nearMisses(env)) printError(`warning: ${nearMissText(miss)}\n`)
      const settings = settingsFrom(env)
      if (json === true) return print(asJson(withoutSecrets(env, settings)))
      const rows = listedSettings(env, settings).map(({ name, value, isGiven }) => [
        name,
        isGiven ? 'set' : 'default',
        value,
      ])
      return print(rowsFor(context, rows, ['SETTING', 'FROM', 'VALUE']))
    })
  return new Command('config').description('check and show the settings').addCommand(check)
}
