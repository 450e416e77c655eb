import type { Command } from 'commander'
import type { GatewayAddress } from './rest-client.ts'

const DEFAULT_PORT = '8080'

/** What commands use of the process, so that tests can stand in for it. */
export interface CliContext {
  readonly env: NodeJS.ProcessEnv
  /** Writes to standard output. */
  readonly print: (text: string) => void
  /** Writes to standard error: problems, and how far something is. */
  readonly printError: (text: string) => void
  /** Asks the person at the terminal a question to be answered with yes or no; undefined where there is none. */
  readonly confirm?: (question: string) => Promise<boolean>
}

/** Adds the options that say which gateway to ask, and as whom. */
export function withAddress(command: Command): Command {
  return command
    .option('--url <url>', 'where the gateway listens (default: TOOL_GATEWAY_URL, or PORT on this machine)')
    .option('--token <token>', 'bearer token (default: TOOL_GATEWAY_TOKEN)')
    .option('--json', 'print the whole answer as JSON')
}

export interface AddressOptions {
  readonly url?: string
  readonly token?: string
  readonly json?: boolean
}

/** Which gateway a command asks, and as whom. */
export function addressOf({ url, token }: AddressOptions, { env }: CliContext): GatewayAddress {
  return {
    url: url ?? env['TOOL_GATEWAY_URL'] ?? `http://127.0.0.1:${env['PORT'] || DEFAULT_PORT}`,
    token: token ?? env['TOOL_GATEWAY_TOKEN'],
  }
}

/** Rows as aligned columns, the last one as long as it likes. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column < row.length - 1 ? cell.padEnd(widths[column] ?? 0) : cell))
        .join('  '),
    )
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}

export function asJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}
