import { Command } from 'commander'
import { CLIENT_FORMATS, type ClientFormat } from '../../registry/clients/client-formats.ts'
import { CLI_EXIT, CliError } from '../cli-error.ts'
import { type CliContext, pairs, withAddress } from '../context.ts'
import type { ImportOptions } from '../registry/import-read.ts'
import { isThere } from '../input/file-text.ts'
import { clientNamed, placesOf } from './places.ts'

/** `client import`: takes over the servers of the clients of this machine. */
export function importCommand(context: CliContext, setExitCode: (code: number) => void): Command {
  const command = new Command('import')
    .description('take over the servers of the MCP clients of this machine into the registry')
    .argument('[clients...]', 'clients (default: all that have a file here, see `client list`)')
    .option('--tenant <id>', "tenant of the servers, or '*' (default: DEFAULT_TENANT, or that of the token)")
    .option('--dry-run', 'show what would be written without writing it')
    .option('--replace', 'replace servers that already exist; their access rules and tool settings are kept')
    .option('--prefix <text>', 'put this and a hyphen before the name of each server')
    .option('--roles <list>', 'roles, separated by commas; callers need one of them')
    .option('--into <file>', 'registry file to write (default: REGISTRY_FILE, or DATA_DIR/registry.yaml)')
    .option('--gateway', 'write to the running gateway at --url instead of a file')
    .option('--set <NAME=VALUE>', 'value of a placeholder or an input; can be repeated', pairs, {})
    .option(
      '--move-secrets [file]',
      'move tokens and keys into a file of secrets (default: SECRETS_FILE), and refer to them',
    )
  return withAddress(command)
    .addHelpText(
      'after',
      '\nThe files of the clients are not changed. Servers that already exist are skipped, so a server of several clients is taken once.',
    )
    .action(async (ids: string[], options: ImportOptions) => {
      const clients = ids.length === 0 ? CLIENT_FORMATS : ids.map(clientNamed)
      const files = await found(clients, context)
      if (files.length === 0)
        throw new CliError('failed', 'no file of these clients is on this machine; see: client list')
      const { runImport } = await import('../registry/import-run.ts')
      let code: number = CLI_EXIT.ok
      for (const { title, file } of files) {
        context.printError(`${title}: ${file}\n`)
        const result = await runImport(
          file,
          { skipExisting: options.replace !== true, ...options },
          context,
        ).catch((error: unknown) => failed(error, context))
        code = Math.max(code, result)
      }
      setExitCode(code)
    })
}

async function found(
  clients: readonly ClientFormat[],
  context: CliContext,
): Promise<{ title: string; file: string }[]> {
  const places = placesOf(context)
  const files = clients.flatMap(({ title, files: all }) => all(places).map((file) => ({ title, file })))
  const there = []
  for (const each of files) if (await isThere(each.file)) there.push(each)
  return there
}

/** One file that cannot be taken over keeps no other from it. */
function failed(error: unknown, { printError }: CliContext): number {
  if (!(error instanceof CliError)) throw error
  printError(`${error.message}\n`)
  return error.exitCode
}
