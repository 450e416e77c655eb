import { Command } from 'commander'
import { type AddressOptions, addressOf, asJson, type CliContext, withAddress } from '../context.ts'
import { askEvents, askText } from '../client/events.ts'
import { ask } from '../client/rest-client.ts'
import { pathOf } from './server-state.ts'

/** A token for following ends with the day. */
const FOLLOWED_MS = 86_400_000

interface LogOptions extends AddressOptions {
  readonly tenant?: string
  readonly lines: string
  readonly follow?: boolean
}

/** `servers logs NAME`: what the processes of a server wrote to standard error. */
export function logsCommand(context: CliContext): Command {
  const command = new Command('logs')
    .description(
      'show what the processes of a server wrote to standard error, across restarts (role operator)',
    )
    .argument('<name>', 'the server')
    .option('--lines <count>', 'number of lines to show, up to 1000', '100')
    .option('--follow', 'follow the log; with --json, print one object per line')
    .option('--tenant <id>', "'*' for a server of all tenants")
  return withAddress(command)
    .addHelpText(
      'after',
      `
Each line has its time, the process id and the text; lines with -- were written by the gateway. Secrets are redacted.`,
    )
    .action(async (name: string, options: LogOptions) => {
      const isFollowed = options.follow === true
      const address = addressOf(options, context, isFollowed ? FOLLOWED_MS : undefined)
      const base = pathOf(name, options, 'logs')
      const path = `${base}${base.includes('?') ? '&' : '?'}lines=${encodeURIComponent(options.lines)}&follow=${String(isFollowed)}`
      if (options.json === true && isFollowed) {
        for await (const { data } of askEvents(address, 'GET', path)) context.print(asJson(data, 0))
      } else if (options.json === true) {
        context.print(asJson(await ask(address, 'GET', path)))
      } else {
        for await (const text of askText(address, 'GET', path, { accept: 'text/plain' })) context.print(text)
      }
    })
}
