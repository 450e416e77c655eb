import { writeFile } from 'node:fs/promises'
import { format } from 'prettier'
import type { Command } from 'commander'
import { CLI_EXIT } from '../src/cli/cli-error.ts'
import { programFor } from '../src/cli/program.ts'
import { SECTIONS } from '../src/config/schema.ts'
import { notesOf } from '../src/config/setting.ts'
import { ERRORS } from '../src/domain/errors/error-table.ts'
import { metricsPage } from './metrics-page.ts'

const NOTE = '<!-- Written by `npm run docs`; edit the source instead. -->'

/** The generated pages: path to text, formatted like everything else here. */
export async function pages(): Promise<Map<string, string>> {
  const raw = {
    'docs/cli.md': cliPage(),
    'docs/config.md': configPage(),
    'docs/errors.md': errorsPage(),
    'docs/metrics.md': await metricsPage(NOTE, table),
  }
  const formatted = Object.entries(raw).map(
    async ([path, text]) => [path, await format(text, { parser: 'markdown' })] as const,
  )
  return new Map(await Promise.all(formatted))
}

function configPage(): string {
  const sections = Object.entries(SECTIONS).map(([title, settings]) => {
    const rows = Object.entries(settings).map(([name, schema]) => {
      const { meaning, expected, fallback } = notesOf(schema)
      return [`\`${name}\``, meaning, expected, fallback === '``' ? 'none' : fallback]
    })
    return `## ${title}\n\n${table(['Variable', 'Meaning', 'Expected', 'Default'], rows)}`
  })
  return `# Settings

${NOTE}

All settings are environment variables, read once at the start. An empty one counts as not set. When any is wrong,
the gateway prints every problem and exits with code 78; \`npm run --silent tg -- config check\` does the same
without starting.

${sections.join('\n\n')}
`
}

function errorsPage(): string {
  const rows = Object.entries(ERRORS).map(([code, { status, rpc, owner, retryable, title, help }]) => {
    return [`\`${code}\``, `${status}`, `${rpc}`, owner, retryable ? 'yes' : 'no', `${title}. ${help}`]
  })
  return `# Errors

${NOTE}

REST answers errors as \`application/problem+json\` (RFC 9457) with the code in \`code\`; MCP answers them as JSON-RPC
errors with the same code in \`data.code\`. The owner is who has to act: the caller (\`client\`), the people who configure
the gateway (\`config\`), the MCP server behind it (\`upstream\`), or the gateway itself (\`gateway\`). Retryable means
that the same request may succeed later without a change. A tool that ran and failed is not an error of this table: it
is a result with \`isError\`.

${table(['Code', 'HTTP', 'JSON-RPC', 'Owner', 'Retryable', 'Meaning'], rows)}
`
}

const EXIT_CODES: Readonly<Record<Exclude<keyof typeof CLI_EXIT, 'differs'>, string>> = {
  ok: 'done, or nothing to do',
  failed: 'the gateway or a tool answered with an error, or a check or a dry run found something',
  unavailable: 'no gateway, Firestore or file is available',
  usage: 'the command line is wrong',
  data: 'a file or a document in it is not valid',
  denied: 'the token is missing, not valid, or does not allow it',
  config: 'a setting, or a file or folder in DATA_DIR, cannot be used',
}

/** What only the gateway itself ends with. */
const EXIT_CODES_OF_SERVE = [
  [69, '`serve`: the gateway cannot start'],
  [70, '`serve`: the gateway ended because of a fault'],
] as const

function cliPage(): string {
  const silent = (): void => undefined
  const context = { env: {}, print: silent, printError: silent }
  const rows = commandsIn(programFor(context, { setExitCode: silent, raw: silent }), []).map(
    ({ words, command }) => [
      `\`${[...words, ...argumentsOf(command)].join(' ')}\``,
      command.description(),
      command.options
        .flatMap(({ long }) => (long === undefined || COMMON.has(long) ? [] : [`\`${long}\``]))
        .join(', '),
    ],
  )
  const ofCommands = Object.entries(EXIT_CODES).map(
    ([kind, text]) => [CLI_EXIT[kind as keyof typeof CLI_EXIT], text] as const,
  )
  const codes = [...ofCommands, ...EXIT_CODES_OF_SERVE]
    .toSorted(([a], [b]) => a - b)
    .map(([code, text]) => [String(code), text])
  return `# Command line

${NOTE}

\`tool-gateway <command>\`, here \`npm run --silent tg -- <command>\`. \`--help\` says what each option is. Commands that ask a
running gateway take \`--url\`, \`--token\`, \`--verbose\` and \`--json\`, and the variables \`TOOL_GATEWAY_URL\` and
\`TOOL_GATEWAY_TOKEN\`. Tables are fitted to a terminal; to pipes and files they are lines of cells between tabs, without a
header. Nothing is coloured, so \`NO_COLOR\` changes nothing. \`tool-gateway completion bash\` completes commands.

${table(['Command', 'What it does', 'Options'], rows)}

## Exit codes

${table(['Code', 'Meaning'], codes)}
`
}

const COMMON = new Set(['--url', '--token', '--json', '--verbose'])

/** Every command that does something by itself, also where it has others below it. */
function commandsIn(
  command: Command,
  words: readonly string[],
): { words: readonly string[]; command: Command }[] {
  const below = command.commands.flatMap((child) => commandsIn(child, [...words, child.name()]))
  // Commander tells nobody which commands have an action; one that only groups others has none.
  return Reflect.get(command, '_actionHandler') === null ? below : [{ words, command }, ...below]
}

function argumentsOf({ registeredArguments }: Command): string[] {
  return registeredArguments.map((argument) => {
    const name = `${argument.name().toUpperCase()}${argument.variadic ? '…' : ''}`
    return argument.required ? name : `[${name}]`
  })
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map(tableRow).join('\n')
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

if (import.meta.main) {
  for (const [path, text] of await pages()) await writeFile(new URL(`../${path}`, import.meta.url), text)
}
