import { Command, Option } from 'commander'
import type { JsonObject } from '../../domain/json/json.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, rowsFor, withAddress } from '../context.ts'
import { askAll, objectsIn } from '../client/rest-client.ts'

interface MatrixOptions extends AddressOptions {
  readonly by: string
  readonly server?: string
  readonly roles?: string
}

const SIGNS: Readonly<Record<string, string>> = { allow: 'yes', deny: '-', conditional: 'some' }

/** `access matrix`: which role may use which tool, or which agent which server. */
export function matrixCommand(context: CliContext): Command {
  const command = new Command('matrix')
    .description('show which role may use which tool, or which agent which server (role operator)')
    .addOption(
      new Option('--by <what>', 'roles by tools, or agents by servers')
        .choices(['roles', 'agents'])
        .default('roles'),
    )
    .option('--server <name>', 'only this server')
    .option('--roles <list>', 'these roles, separated by commas (default: those that the documents name)')
  return withAddress(command)
    .addHelpText('after', '\nyes: allowed; some: it also depends on the agent or the scopes; -: denied.')
    .action(async (options: MatrixOptions) => {
      const query = new URLSearchParams({ by: options.by })
      if (options.server !== undefined) query.set('server', options.server)
      if (options.roles !== undefined) query.set('roles', options.roles)
      const path = '/v1/access/matrix'
      const { items, page } = await askAll(addressOf(options, context), path, query, 'rows', 500)
      if (options.json === true) return context.print(asJson({ ...page, rows: items }))
      const columns = Array.isArray(page['columns']) ? page['columns'] : []
      const header = [options.by === 'roles' ? 'TOOL' : 'AGENT', ...columns.map(nameOf)]
      return context.print(rowsFor(context, items.map(rowOf), header))
    })
}

function rowOf({ name, cells }: JsonObject): string[] {
  return [nameOf(name), ...objectsIn(cells).map(cellText)]
}

function cellText({ effect, tools, of }: JsonObject): string {
  const count = effect === 'conditional' && typeof tools === 'number' ? ` ${tools}/${String(of)}` : ''
  return `${SIGNS[String(effect)] ?? String(effect)}${count}`
}

function nameOf(name: unknown): string {
  return typeof name === 'string' ? name : '(none)'
}
