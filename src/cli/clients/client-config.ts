import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { pagePath } from '../../config/pages.ts'
import type { ClientFormat, GatewayForClient } from '../../registry/clients/client-formats.ts'
import { CLI_EXIT, CliError } from '../cli-error.ts'
import { type CliContext, gatewayUrl } from '../context.ts'
import type { ClientEntry } from './client-file.ts'
import { differenceText } from './difference.ts'
import { textIfThere } from '../input/file-text.ts'
import { clientNamed, placesOf } from './places.ts'
import { wayIn } from './way-in.ts'

interface ConfigOptions {
  readonly url?: string
  readonly server?: string
  readonly name: string
  readonly token?: string
  readonly signIn?: boolean
  readonly file?: string
  readonly write?: boolean
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/**
 * The bridge for clients that start programs only: this program, by its absolute path, because such clients know no
 * PATH of a shell.
 */
const BRIDGE = [
  process.execPath,
  fileURLToPath(new URL(`../tool-gateway${extname(import.meta.url)}`, import.meta.url)),
  'connect',
]

/** `client config NAME`: prints or writes what a client needs to connect to the gateway. */
export function configCommand(context: CliContext, setExitCode: (code: number) => void): Command {
  return new Command('config')
    .description('print or write the configuration with which an MCP client connects to the gateway')
    .argument(
      '<client>',
      'claude-desktop, claude-code, vscode, cursor, windsurf, gemini, codex, zed and others: see `client list`',
    )
    .option('--url <url>', 'where the gateway is (default: TOOL_GATEWAY_URL, or PORT on this machine)')
    .option('--server <name>', 'only this server, under its own tool names')
    .option('--name <name>', 'name of the entry', 'gateway')
    .option(
      '--token <token>',
      'write this token into the file (default: none where the gateway offers sign-in, else the client takes it from TOOL_GATEWAY_TOKEN, or asks)',
    )
    .option(
      '--sign-in',
      'send no token: the client signs in at the gateway (default where the gateway offers it, and TOOL_GATEWAY_TOKEN is not set)',
    )
    .option(
      '--write',
      'write it into the file of the client, after a copy of the file; shows the difference first',
    )
    .option('--dry-run', 'show what --write would change')
    .option('--file <path>', 'another file')
    .option('--yes', 'do not ask for confirmation')
    .addHelpText(
      'after',
      `
Each client has a page: ${pagePath('clients/README.md')}.
Exit codes: 0 done; 1 not written, or a dry run would write; 65 the file is not one of the client.`,
    )
    .action(async (id: string, given: ConfigOptions) => {
      const client = clientNamed(id)
      const url = gatewayUrl(given.url, context)
      const { signsIn, reason } = await wayIn(client, given, { url, env: context.env })
      context.printError(`${reason}\n`)
      const options = { ...given, signIn: signsIn }
      const wanted = entryFor(client, options, context)
      if (options.write !== true && options.dryRun !== true)
        await printEntry(client, wanted, options, context)
      else setExitCode(await write(client, wanted, options, context))
    })
}

function entryFor(client: ClientFormat, options: ConfigOptions, context: CliContext): ClientEntry {
  const { name, token, signIn, server } = options
  if (!/^[A-Za-z0-9_-]{1,40}$/.test(name))
    throw new CliError('usage', '--name: expected at most 40 letters, digits, "_" and "-"')
  const url = `${gatewayUrl(options.url, context)}/mcp${server === undefined ? '' : `/${encodeURIComponent(server)}`}`
  const gateway: GatewayForClient = { url, name, token, signsIn: signIn === true, bridge: BRIDGE }
  return { name, entry: client.entryOf(gateway), inputs: client.inputsOf?.(gateway) ?? [] }
}

async function printEntry(
  client: ClientFormat,
  wanted: ClientEntry,
  options: ConfigOptions,
  context: CliContext,
): Promise<void> {
  const { withEntry } = await import('./client-file.ts')
  const file = fileOf(client, options, context)
  const text = withEntry(client, '', wanted)
  if (file !== undefined) context.printError(`${client.title} reads ${file}; --write writes it there\n`)
  tellNotes(client, options, context)
  context.print(text ?? '')
}

async function write(
  client: ClientFormat,
  wanted: ClientEntry,
  options: ConfigOptions,
  context: CliContext,
): Promise<number> {
  const file = fileOf(client, options, context)
  if (file === undefined) throw new CliError('usage', client.note ?? `${client.title} has no file`)
  const { withEntry } = await import('./client-file.ts')
  const before = await textIfThere(file)
  const after = withEntry(client, before ?? '', wanted)
  if (after === undefined)
    throw new CliError(
      'data',
      `${file} is not ${client.kind === 'toml' ? 'TOML' : 'a JSON object'}; correct it first`,
    )
  if (after === before) {
    context.print(`${file} has it already\n`)
    return CLI_EXIT.ok
  }
  context.print(differenceText(file, before ?? '', after))
  if (options.dryRun === true) return CLI_EXIT.differs
  if (!(await agreed(file, options, context))) throw new CliError('failed', 'nothing was written')
  context.print(await replaced(file, { after, isNew: before === undefined }))
  tellNotes(client, options, context)
  return CLI_EXIT.ok
}

function tellNotes(
  { note, noteWithoutToken }: ClientFormat,
  { token, signIn }: ConfigOptions,
  { printError }: CliContext,
): void {
  if (note !== undefined) printError(`${note}\n`)
  if (noteWithoutToken !== undefined && token === undefined && signIn !== true)
    printError(`${noteWithoutToken}\n`)
}

/** Writes the file after a copy of what is there; says what it did. */
async function replaced(file: string, { after, isNew }: { after: string; isNew: boolean }): Promise<string> {
  const backup = `${file}.backup`
  if (!isNew) await copyFile(file, backup)
  await mkdir(dirname(file), { recursive: true })
  // It may hold a token.
  await writeFile(file, after, { mode: 0o600 })
  return `wrote ${file}${isNew ? '' : `; ${backup} has what was there`}\n`
}

async function agreed(file: string, { yes }: ConfigOptions, { confirm }: CliContext): Promise<boolean> {
  if (yes === true) return true
  if (confirm === undefined)
    throw new CliError('usage', 'cannot ask for confirmation without a terminal: use --yes')
  return confirm(`Write ${file}?`)
}

function fileOf(client: ClientFormat, { file }: ConfigOptions, context: CliContext): string | undefined {
  return file === undefined ? client.files(placesOf(context))[0] : resolve(file)
}
