import { Command } from 'commander'
import { CLI_EXIT } from '../cli-error.ts'
import { type CliContext, withAddress, pairs } from '../context.ts'
import type { ImportOptions } from './import-read.ts'

const DIFFERS = CLI_EXIT.differs

/** `registry import FILE`: into the registry file, or into a running gateway. */
export function importCommand(context: CliContext, onExitCode: (code: number) => void): Command {
  const command = new Command('import')
    .description(
      'import the servers of an MCP client (Claude, VS Code, Cursor, Windsurf, Gemini, Codex, Zed and others) or a server.json of the official registry',
    )
    .argument('<file>', 'the file to import')
    .option('--tenant <id>', "tenant of the servers, or '*' (default: DEFAULT_TENANT, or that of the token)")
    .option(
      '--dry-run',
      `show what would be written without writing it; exits with ${DIFFERS} if there are changes`,
    )
    .option('--replace', 'replace servers that already exist; their access rules and tool settings are kept')
    .option('--skip-existing', 'skip servers that already exist')
    .option('--prefix <text>', 'put this and a hyphen before the name of each server')
    .option(
      '--roles <list>',
      'roles, separated by commas; callers need one of them (default: no role is required)',
    )
    .option('--into <file>', 'registry file to write (default: REGISTRY_FILE, or DATA_DIR/registry.yaml)')
    .option('--gateway', 'write to the running gateway at --url instead of a file')
    .option('--name <name>', 'server.json: name of the server here')
    .option('--package', 'server.json: take the npm package even if there is a remote')
    .option(
      '--move-secrets [file]',
      'move tokens and keys into a file of secrets (default: SECRETS_FILE), and refer to them',
    )
    .option('--set <NAME=VALUE>', 'value of a placeholder or an input; can be repeated', pairs, {})
  return withAddress(command)
    .addHelpText(
      'after',
      `
The gateway fills in no placeholders (\${NAME}, \${env:NAME}, \${input:id}, $NAME): those that are not given with --set
are listed with their places, and the server is disabled until they are filled in; so are required inputs of a
server.json. Values of env, headers and auth are never shown.
Exit codes: 0 done, or nothing to do; 1 a server of that name is there and differs (see --replace), all others were
imported, or a dry run would write; 2 the gateway does not answer; 65 the file or a server is not valid, all others were
imported; 77 the token does not allow it.`,
    )
    .action(async (file: string, options: ImportOptions) => {
      const { runImport } = await import('./import-run.ts')
      onExitCode(await runImport(file, options, context))
    })
}
