import { Command } from 'commander'
import { pagePath } from '../../config/pages.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { CliError } from '../cli-error.ts'
import {
  type AddressOptions,
  addressOf,
  asJson,
  type CliContext,
  rowsFor,
  withAddress,
  pairs,
} from '../context.ts'
import { ask } from '../client/rest-client.ts'
import { DRY_RUN, simulated } from '../access/simulated.ts'
import { pathOf, printReady, row, settledNew } from './server-state.ts'

interface AddOptions extends AddressOptions {
  readonly transport?: string
  readonly endpoint?: string
  readonly package?: string
  readonly command?: string
  readonly env: Record<string, string>
  readonly header: Record<string, string>
  readonly roles?: string
  readonly tenant?: string
  readonly description?: string
  readonly wait?: boolean
  readonly dryRun?: boolean
}

interface RemoveOptions extends AddressOptions {
  readonly tenant?: string
  readonly yes?: boolean
  readonly dryRun?: boolean
}

const EXIT_CODES = `Exit codes: 0 done; 1 refused, or a new server does not become ready; 2 no gateway answers; 77 the token does not allow it.`

/** `servers add NAME`: writes a server into the registry of a running gateway. */
export function addCommand(context: CliContext, setExitCode: (code: number) => void): Command {
  const command = new Command('add')
    .description(
      'add a server to the registry of a running gateway (role operator; programs: platform-admin)',
    )
    .argument('<name>', 'name of the server')
    .argument('[server...]', 'URL of a remote server; or, after --, a program and its arguments')
    .option('--endpoint <url>', 'URL of a remote server')
    .option(
      '--transport <kind>',
      'streamable-http, sse, http (detects which) or stdio (default: http, or stdio)',
    )
    .option('--package <name>', 'an installed npm package, as name or name@version')
    .option('--command <program>', 'a program')
    .option('--env <NAME=VALUE>', 'environment variable of the program; can be repeated', pairs, {})
    .option('--header <NAME=VALUE>', 'HTTP header for a remote server; can be repeated', pairs, {})
    .option('--roles <list>', 'roles, separated by commas; callers need one of them')
    .option('--tenant <id>', "'*' for all tenants (default: that of the token)")
    .option('--description <text>', 'description of the server')
    .option('--no-wait', 'do not wait until it is ready')
    .option('--dry-run', DRY_RUN)
  return withAddress(command)
    .addHelpText(
      'after',
      `
For all other fields, edit the registry file or use POST /v1/servers (${pagePath('registry.md')}).
${EXIT_CODES}`,
    )
    .action(async (name: string, args: string[], options: AddOptions) => {
      const document = documentOf(name, args, options)
      const address = addressOf(options, context)
      if (options.dryRun === true)
        return setExitCode(await simulated(address, [{ document }], options, context))
      const answer = await ask(address, 'POST', '/v1/servers', document)
      context.printError(`added ${name}\n`)
      const isWaited = options.wait !== false
      const server = isWaited ? await settledNew(address, pathOf(name, options), answer, context) : answer
      if (options.json === true) context.print(asJson(server))
      else if (isWaited) printReady(server, context)
      return undefined
    })
}

/** `servers remove NAME`: takes a server out of the registry of a running gateway. */
export function removeCommand(context: CliContext, setExitCode: (code: number) => void): Command {
  const command = new Command('remove')
    .description('remove a server from the registry of a running gateway (role operator)')
    .argument('<name>', 'the server')
    .option('--yes', 'do not ask for confirmation')
    .option('--dry-run', DRY_RUN)
    .option('--tenant <id>', "'*' for a server of all tenants")
  return withAddress(command)
    .addHelpText('after', `\nA package that was installed for it stays in the data directory.\n${EXIT_CODES}`)
    .action(async (name: string, options: RemoveOptions) => {
      const address = addressOf(options, context)
      if (options.dryRun === true) {
        const change = { remove: name, ...(options.tenant !== undefined && { tenantId: options.tenant }) }
        return setExitCode(await simulated(address, [change], options, context))
      }
      const path = pathOf(name, options)
      const server = await ask(address, 'GET', path)
      if (!(await agreed(server, options, context))) throw new CliError('failed', 'nothing was removed')
      await ask(address, 'DELETE', path, undefined, { 'if-match': String(server['etag']) })
      return context.print(options.json === true ? asJson({ removed: name }) : `removed ${name}\n`)
    })
}

async function agreed(server: JsonObject, { yes }: RemoveOptions, context: CliContext): Promise<boolean> {
  const { confirm } = context
  if (yes === true) return true
  if (confirm === undefined)
    throw new CliError('usage', 'cannot ask for confirmation without a terminal: use --yes')
  context.printError(rowsFor(context, [row(server)]))
  return confirm(`Remove ${String(server['name'])}?`)
}

function documentOf(name: string, given: readonly string[], options: AddOptions): JsonObject {
  const { env, header, roles, tenant, description } = options
  const { endpoint, command, args } = meant(given, options)
  const { transport = endpoint === undefined ? 'stdio' : 'http' } = options
  return {
    name,
    transport,
    ...defined({ url: endpoint, package: options.package, command, description }),
    ...defined({ tenantId: tenant, requiredRoles: roles?.split(',').map((role) => role.trim()) }),
    ...(args.length > 0 && { args }),
    ...(Object.keys(env).length > 0 && { env }),
    ...(Object.keys(header).length > 0 && { headers: header }),
  }
}

/** What stands behind the name is a URL, or a program unless an option names it. */
function meant(
  given: readonly string[],
  { endpoint, command, package: name, url }: AddOptions,
): { endpoint?: string | undefined; command?: string | undefined; args: readonly string[] } {
  if (endpoint !== undefined || command !== undefined || name !== undefined)
    return { endpoint, command, args: given }
  const [first, ...rest] = given
  if (first === undefined) {
    const hint = url === undefined ? '' : ' (--url is the address of the gateway)'
    throw new CliError(
      'usage',
      `what is the server? Give its URL, or its program and arguments after --${hint}`,
    )
  }
  return /^https?:\/\//i.test(first) && rest.length === 0
    ? { endpoint: first, args: [] }
    : { command: first, args: rest }
}

function defined(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
