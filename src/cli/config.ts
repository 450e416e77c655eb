import { Command } from 'commander'
import { asJson, type CliContext, table } from './context.ts'

/** `config check`: says whether the settings of this environment can be used, and what they come to. */
export function configCommand({ env, print }: CliContext): Command {
  const check = new Command('check')
    .description(
      'check the settings in the environment; exit code 78 and every problem if they cannot be used',
    )
    .option('--json', 'print the settings as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { settingsFrom } = await import('./settings.ts')
      const settings = settingsFrom(env)
      if (json === true) return print(asJson(settings))
      const rows = Object.entries(settings).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : JSON.stringify(value ?? null),
      ])
      return print(table(rows))
    })
  return new Command('config').description('look at the settings').addCommand(check)
}
