import { join } from 'node:path'
import { Command } from 'commander'
import { pagePath } from '../config/pages.ts'
import { systemClock } from '../domain/clock.ts'
import { messageOf } from '../domain/errors/errors.ts'
import { addressOf, type AddressOptions, type CliContext } from './context.ts'
import { CliError } from './cli-error.ts'

/** `signin`: prints a one-time link that signs a browser in at the gateway on this machine, and nothing else. */
export function signInCommand(context: CliContext): Command {
  return new Command('signin')
    .description(
      'print a one-time link that signs a browser in, valid for ten minutes (the key is in DATA_DIR)',
    )
    .option('--url <url>', 'where the gateway listens (default: TOOL_GATEWAY_URL, or PORT on this machine)')
    .action(async (options: Pick<AddressOptions, 'url'>) => {
      const { url } = addressOf(options, context)
      const { settingsFrom } = await import('./settings.ts')
      const { privateKey, STATE_KEY_FILE } = await import('../config/private-key.ts')
      const { OneTimeCodes } = await import('../identity/browser/one-time-codes.ts')
      const settings = settingsFrom(context.env)
      if (!settings.localIssuer)
        throw new CliError(
          'config',
          `people sign in at the identity provider here (see LOCAL_ISSUER and HOST in ${pagePath('config.md')})`,
        )
      const current = await privateKey(settings.stateKey, join(settings.dataDir, STATE_KEY_FILE)).catch(
        (error: unknown) => {
          throw new CliError('config', messageOf(error))
        },
      )
      const code = new OneTimeCodes({ keys: { current }, clock: systemClock }).issue()
      context.print(`${url}/signin?code=${code}\n`)
    })
}
