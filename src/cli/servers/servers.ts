import { Command } from 'commander'
import { type AddressOptions, addressOf, asJson, type CliContext, rowsFor, withAddress } from '../context.ts'
import { ask, objectsIn } from '../client/rest-client.ts'
import { actionCommand } from './server-actions.ts'
import { addCommand, removeCommand } from './server-add.ts'
import { editCommand, showCommand } from './server-edit.ts'
import { inspectCommand } from './server-inspect.ts'
import { installCommand } from './server-install.ts'
import { logsCommand } from './server-logs.ts'
import { ROW_HEADER, row } from './server-state.ts'
import { programOf } from '../client/token-advice.ts'

/** `servers …` against a running gateway. */
export function serversCommand(context: CliContext, setExitCode: (code: number) => void): Command {
  return new Command('servers')
    .description('show and manage the servers of a running gateway')
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(addCommand(context, setExitCode))
    .addCommand(editCommand(context, setExitCode))
    .addCommand(installCommand(context))
    .addCommand(removeCommand(context, setExitCode))
    .addCommand(actionCommand('start', context))
    .addCommand(actionCommand('stop', context))
    .addCommand(actionCommand('restart', context))
    .addCommand(logsCommand(context))
    .addCommand(inspectCommand(context))
}

function listCommand(context: CliContext): Command {
  const { print, printError, env } = context
  return withAddress(new Command('list'))
    .description('list the servers of the tenant with their state (role operator)')
    .action(async (options: AddressOptions) => {
      const answer = await ask(addressOf(options, context), 'GET', '/v1/servers')
      if (options.json === true) return print(asJson(answer))
      const servers = objectsIn(answer['servers']).map(row)
      const refused = objectsIn(answer['quarantined']).map((document) => [
        String(document['name']),
        'quarantined',
        '',
        '',
        '',
        String(document['reason']),
      ])
      const rows = [...servers, ...refused]
      if (rows.length === 0) {
        printError(
          `there are no servers: add one to the registry, or see: ${programOf(env)} servers add --help\n`,
        )
      }
      return print(rowsFor(context, rows, ROW_HEADER))
    })
}
