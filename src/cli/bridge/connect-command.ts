import { Command, InvalidArgumentError } from 'commander'
import { isLoopback } from '../../domain/loopback.ts'
import type { ConnectOptions } from './connect-options.ts'
import { CliError } from '../cli-error.ts'
import type { CliContext } from '../context.ts'

/** `connect URL`: a stdio MCP server that carries every message to one over HTTP and back. */
export function connectCommand(context: CliContext): Command {
  return new Command('connect')
    .description(
      'connect a client that only starts processes to an MCP server over HTTP: signs in in the browser, and carries every message between standard input and output and the server',
    )
    .argument('<url>', 'address of the MCP server, such as https://gateway.example/mcp')
    .option(
      '--header <"Name: value">',
      'header of every request; ${NAME} stands for a variable of the environment; repeatable',
      (text: string, before: Record<string, string>) => withHeader(text, before, context.env),
      {},
    )
    .option('--token-file <path>', 'bearer token to send, in place of signing in; read again when it changes')
    .option('--scope <scopes>', 'scopes to ask for, in place of those that the server names')
    .option('--client-id <id>', 'client that is registered already; default: the bridge registers itself')
    .option('--client-secret-file <path>', 'secret of that client')
    .option(
      '--client-metadata-url <url>',
      'client ID metadata document, where the authorization server takes one',
    )
    .option(
      '--callback-port <port>',
      'port of this machine for the redirect; default: any that is free',
      port,
    )
    .option('--sign-in-timeout <seconds>', 'how long to wait for the person', seconds, 300)
    .option('--allow-http', 'allow an address without encryption that is not of this machine')
    .option('--no-browser', 'only print the address to sign in at')
    .option('--sign-out', 'forget the sign-in at this address, and end')
    .action(async (text: string, options: ConnectOptions) => {
      const url = addressIn(text, options)
      const { connect } = await import('./connect-run.ts')
      await connect(url, options, context)
    })
}

/** @throws CliError `usage` */
function addressIn(text: string, { allowHttp }: ConnectOptions): URL {
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null
  if (url === null)
    throw new CliError('usage', `expected an address as https://gateway.example/mcp, got ${text}`)
  if (url.protocol === 'http:' && !isLoopback(url.hostname) && allowHttp !== true)
    throw new CliError(
      'usage',
      `${url.host} would get the token without encryption; use https, or --allow-http in a network that you trust`,
    )
  return url
}

function withHeader(
  text: string,
  before: Record<string, string>,
  env: NodeJS.ProcessEnv,
): Record<string, string> {
  const [, name = '', value = ''] = /^([\w!#$%&'*+.^`|~-]{1,128}):\s*(.*)$/s.exec(text) ?? []
  if (name === '') throw new InvalidArgumentError('expected "Name: value"')
  const filled = value.replace(/\$\{(\w{1,128})\}/g, (_whole, variable: string) => {
    const found = env[variable]
    if (found === undefined) throw new InvalidArgumentError(`the variable ${variable} is not set`)
    return found
  })
  if (/[\r\n\0]/.test(filled)) throw new InvalidArgumentError(`the value of ${name} has a line break`)
  return { ...before, [name.toLowerCase()]: filled.trim() }
}

function port(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 65_535)
    throw new InvalidArgumentError('expected a port from 1 to 65535')
  return value
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value >= 1 && value <= 86_400)) throw new InvalidArgumentError('expected seconds, from 1 to 86400')
  return value
}
