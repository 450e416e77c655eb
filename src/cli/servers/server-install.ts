import { Command } from 'commander'
import type { JsonObject } from '../../domain/json/json.ts'
import { CliError } from '../cli-error.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, withAddress, pairs } from '../context.ts'
import { askEvents } from '../client/events.ts'
import { failureIn } from '../client/rest-client.ts'
import { printReady } from './server-state.ts'

const FILES_PER_LINE = 25

interface InstallOptions extends AddressOptions {
  readonly name?: string
  readonly tenant?: string
  readonly env: Record<string, string>
  readonly roles?: string
}

/** `servers install PACKAGE`: has the gateway install an npm package and run it as a server. */
export function installCommand(context: CliContext): Command {
  const command = new Command('install')
    .description(
      "install an npm package into the gateway's data directory, and run it as a server (roles operator and platform-admin)",
    )
    .argument('<package>', 'name, or name@version')
    .argument('[args...]', 'arguments of the server, after --')
    .option('--name <name>', 'name of the server (default: derived from the name of the package)')
    .option('--tenant <id>', "'*' for a server of all tenants (default: that of the token)")
    .option('--roles <list>', 'roles, separated by commas; callers need one of them')
    .option('--env <NAME=VALUE>', 'environment variable of the server; can be repeated', pairs, {})
  return withAddress(command)
    .addHelpText(
      'after',
      `
INSTALL_ALLOWLIST of the gateway sets which packages may be installed. Interrupting the command cancels the installation.
Exit codes: 0 the server is ready; 1 it could not be installed, or does not become ready; 2 no gateway answers;
77 the token does not allow it.`,
    )
    .action(async (text: string, args: string[], options: InstallOptions) => {
      const result = await installed(addressOf(options, context), bodyOf(text, args, options), context)
      if (options.json === true) context.print(asJson(result))
      else {
        context.printError(`installed ${String(result['package'])} ${String(result['version'])}\n`)
        printReady(result, context)
      }
    })
}

function bodyOf(text: string, args: readonly string[], options: InstallOptions): JsonObject {
  const at = text.indexOf('@', 1)
  const { name, tenant, env, roles } = options
  return {
    package: at === -1 ? text : text.slice(0, at),
    ...(at !== -1 && { version: text.slice(at + 1) }),
    ...(name !== undefined && { name }),
    ...(tenant !== undefined && { tenantId: tenant }),
    document: {
      ...(args.length > 0 && { args }),
      ...(Object.keys(env).length > 0 && { env }),
      ...(roles !== undefined && { requiredRoles: roles.split(',').map((role) => role.trim()) }),
    },
  }
}

async function installed(
  address: ReturnType<typeof addressOf>,
  body: JsonObject,
  { printError }: CliContext,
): Promise<JsonObject> {
  for await (const { event, data } of askEvents(address, 'POST', '/v1/servers/install', body)) {
    if (event === 'result') return data
    if (event === 'error') throw failureIn(data)
    const line = progressLine(data)
    if (line !== undefined) printError(`${line}\n`)
  }
  throw new CliError('unavailable', 'the response of the gateway ended early')
}

function progressLine({ step, fetched, name, version }: JsonObject): string | undefined {
  if (step === 'register') return `writing the server ${String(name)}, version ${String(version)}`
  if (step === 'start') return `starting ${String(name)}`
  if (step === 'check') return 'checking the installed package'
  if (typeof fetched !== 'number' || fetched % FILES_PER_LINE !== 0) return undefined
  return fetched === 0 ? 'asking the package registry' : `fetched ${fetched} files`
}
