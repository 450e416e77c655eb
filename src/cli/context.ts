import { type Command, InvalidArgumentError } from 'commander'
import { escapedJson, printable } from '../domain/text/printable.ts'
import { CliError } from './cli-error.ts'
import { type GatewayAddress, gatewayAt } from './client/rest-client.ts'
import { table } from './table.ts'

const DEFAULT_PORT = '8080'
const OWN_TOKEN_MS = 15 * 60_000

/** What commands use of the process, so that tests can stand in for it. */
export interface CliContext {
  readonly env: NodeJS.ProcessEnv
  /** Writes to standard output. */
  readonly print: (text: string) => void
  /** Writes to standard error: problems, and how far something is. */
  readonly printError: (text: string) => void
  /** Width of the terminal that `print` writes to; undefined where it is a pipe or a file. */
  readonly columns?: number
  /** Asks the person at the terminal a question to be answered with yes or no; undefined where there is none. */
  readonly confirm?: (question: string) => Promise<boolean>
}

/**
 * The context without what could steer the terminal that it writes to: much of what is printed comes from third parties.
 */
export function withoutEscapes(context: CliContext): CliContext {
  const { print, printError, confirm } = context
  return {
    ...context,
    print: (text) => print(printable(text)),
    printError: (text) => printError(printable(text)),
    ...(confirm !== undefined && { confirm: (question) => confirm(printable(question)) }),
  }
}

/** Adds the options that say which gateway to ask, and as whom. */
export function withAddress(command: Command): Command {
  return command
    .option('--url <url>', 'where the gateway listens (default: TOOL_GATEWAY_URL, or PORT on this machine)')
    .option(
      '--token <token>',
      'bearer token (default: TOOL_GATEWAY_TOKEN; for a gateway on this machine one made with the key in DATA_DIR)',
    )
    .option('--json', 'print the full response as JSON')
    .option('--verbose', 'show which gateway is called and which token is used')
}

/** Options of each command that talks to a running gateway. */
export interface AddressOptions {
  readonly url?: string
  readonly token?: string
  readonly json?: boolean
  readonly verbose?: boolean
}

/**
 * Which gateway a command asks, and as whom. @throws CliError `usage` for what is no address
 * @param ttlMs lifetime of a token that is made here
 */
export function addressOf(
  { url, token, verbose }: AddressOptions,
  { env, printError }: CliContext,
  ttlMs = OWN_TOKEN_MS,
): GatewayAddress {
  return gatewayAt({
    url: gatewayUrl(url, { env }),
    token: (token ?? env['TOOL_GATEWAY_TOKEN'])?.trim() || undefined,
    env,
    ttlMs,
    tell: verbose === true ? printError : () => {},
  })
}

/** Where the gateway is, as the options or the environment say. @throws CliError `usage` for what is no address */
export function gatewayUrl(url: string | undefined, { env }: Pick<CliContext, 'env'>): string {
  const given = url ?? (env['TOOL_GATEWAY_URL'] || undefined)
  const from = url !== undefined ? '--url' : given !== undefined ? 'TOOL_GATEWAY_URL' : 'PORT'
  return checkedUrl(given ?? `http://127.0.0.1:${env['PORT'] || DEFAULT_PORT}`, from)
}

/** The address without a slash at its end, and without the endpoint of MCP, which is what people have at hand. */
function checkedUrl(text: string, from: string): string {
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null
  if (url === null) {
    const isHost = /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?(\/\S*)?$/i.test(text)
    const hint = isHost && URL.canParse(`http://${text}`) ? `; did you mean http://${text}?` : ''
    throw new CliError('usage', `${from}: expected a URL as http://127.0.0.1:8080, got ${text}${hint}`)
  }
  return `${url.origin}${url.pathname.replace(/(?<!\/)\/+$/, '').replace(/\/(mcp|sse)$/, '')}`
}

/** Rows as a table that fits the terminal. */
export function rowsFor(
  { columns }: CliContext,
  rows: readonly (readonly string[])[],
  header?: readonly string[],
): string {
  return table(rows, { columns, ...(header !== undefined && { header }) })
}

/** A list to print. */
interface List {
  /** The list as `--json` prints it. */
  readonly value: unknown
  readonly rows: readonly (readonly string[])[]
  readonly header?: readonly string[]
  /** Printed to standard error when the list is empty. */
  readonly none: string
}

/** Prints a list as JSON or as rows. */
export function printList(
  context: CliContext,
  { json }: Pick<AddressOptions, 'json'>,
  { value, rows, header, none }: List,
): void {
  if (json === true) return context.print(asJson(value))
  if (rows.length === 0) context.printError(`${none}\n`)
  context.print(rowsFor(context, rows, header))
}

/** JSON whose strings stay whole: what would be left out of the output is written as escapes. */
export function asJson(value: unknown, indent = 2): string {
  return `${escapedJson(JSON.stringify(value, undefined, indent))}\n`
}

/** Collects repeated `NAME=VALUE` options. */
export function pairs(text: string, before: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('expected NAME=VALUE')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}

/** The values of a list that is separated by commas. */
export function listOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
