import { Command } from 'commander'
import { type AddressOptions, addressOf, asJson, type CliContext, rowsFor, withAddress } from '../context.ts'
import { ask } from '../client/rest-client.ts'
import { pathOf, printReady, row, settled } from './server-state.ts'

interface ActionOptions extends AddressOptions {
  readonly tenant?: string
  readonly wait?: boolean
}

const DESCRIPTIONS = {
  start: 'start a server that was stopped, has failed, or waits for its first use',
  stop: 'stop a server until it is started again or the gateway restarts; calls in flight complete',
  restart: 'restart a server; calls in flight complete',
} as const

/** `servers start`, `servers stop` and `servers restart`. */
export function actionCommand(action: keyof typeof DESCRIPTIONS, context: CliContext): Command {
  const command = new Command(action)
    .description(`${DESCRIPTIONS[action]} (role operator)`)
    .argument('<name>', 'the server')
    .option('--tenant <id>', "'*' for a server of all tenants")
  if (action !== 'stop') command.option('--no-wait', 'do not wait until it is ready')
  return withAddress(command)
    .addHelpText(
      'after',
      `
The registry does not change, and other replicas of the gateway are not affected.
Exit codes: 0 done; 1 refused${action === 'stop' ? '' : ', or the server does not become ready'}; 2 no gateway answers; 77 the token does not allow it.`,
    )
    .action(async (name: string, options: ActionOptions) => {
      const address = addressOf(options, context)
      const first = await ask(address, 'POST', pathOf(name, options, action))
      const isWaited = action !== 'stop' && options.wait !== false
      const server = isWaited ? await settled(address, pathOf(name, options), first, context) : first
      if (options.json === true) context.print(asJson(server))
      else if (isWaited) printReady(server, context)
      else context.print(rowsFor(context, [row(server)]))
    })
}
