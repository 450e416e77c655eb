import { Command } from 'commander'
import type { JsonObject } from '../domain/json.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, table, withAddress } from './context.ts'
import { ask, objectsIn } from './rest-client.ts'

/** `servers list` against a running gateway. */
export function serversCommand(context: CliContext): Command {
  const { print } = context
  const list = withAddress(new Command('list'))
    .description('list the servers of the tenant with their state (role operator)')
    .action(async (options: AddressOptions) => {
      const answer = await ask(addressOf(options, context), 'GET', '/v1/servers')
      if (options.json === true) return print(asJson(answer))
      const servers = objectsIn(answer['servers']).map(row)
      const refused = objectsIn(answer['quarantined']).map((document) => [
        String(document['name']),
        'quarantined',
        '',
        String(document['reason']),
      ])
      return print(table([...servers, ...refused]))
    })
  return new Command('servers').description('look at the servers of a running gateway').addCommand(list)
}

function row(server: JsonObject): string[] {
  const tools = typeof server['tools'] === 'number' ? `${server['tools']} tools` : ''
  const notes = [server['reason'], server['problems'], server['warnings']]
    .flat()
    .filter((note) => typeof note === 'string')
  return [String(server['name']), String(server['state']), tools, notes.join('; ')]
}
