import { Command } from 'commander'
import { CliError } from '../cli-error.ts'
import { asJson, type CliContext } from '../context.ts'
import type { Hop } from './hop.ts'

interface DoctorOptions {
  readonly url?: string
  readonly token?: string
  readonly clientId?: string
  readonly json?: boolean
  readonly verbose?: boolean
  readonly browser: boolean
}

const SIGN_IN_MS = 300_000

/** `doctor connect [target]`: walks the way of a client from an address to its tools, and says what stops it. */
export function doctorConnectCommand(context: CliContext): Command {
  return (
    new Command('connect')
      .description(
        'connect to an MCP server step by step, as a client does: metadata, authorization server, registration, token, initialize, tools/list; says which step fails and what to change',
      )
      .argument(
        '[target]',
        'address of any MCP server, or a client: claude, claude-code, chatgpt, vscode, cursor, inspector, mcp-remote',
      )
      .option(
        '--url <url>',
        'the address, where the target is a client (default: TOOL_GATEWAY_URL, or PORT on this machine)',
      )
      .option('--token <token>', 'bearer token to use, in place of signing in')
      .option('--client-id <id>', 'client that is registered at the authorization server already')
      .option('--no-browser', 'only print the address to sign in at')
      .option('--verbose', 'show every request with its answer; secrets are masked')
      .option('--json', 'print all of it as JSON')
      // `doctor` has options of the same names, and takes those that come behind `connect`, too.
      .action((target: string | undefined, _own: DoctorOptions, command: Command) =>
        examine(target, command.optsWithGlobals<DoctorOptions>(), context),
      )
  )
}

async function examine(
  target: string | undefined,
  options: DoctorOptions,
  context: CliContext,
): Promise<void> {
  const { CLIENTS } = await import('./clients.ts')
  const { walk } = await import('./walk.ts')
  const { hopText } = await import('./report.ts')
  const { openBrowser } = await import('../sign-in/open-browser.ts')
  const habits = target === undefined ? undefined : CLIENTS[target]
  const url = addressIn(habits === undefined ? (target ?? options.url) : options.url, context.env)
  const { token, clientId, json = false, verbose = false } = options
  const open = (page: URL): void => {
    context.printError(
      `Sign in in the browser that opens. If none does, open this address:\n  ${page.href}\n`,
    )
    if (options.browser) openBrowser(page, context.env)
  }
  const hops: Hop[] = []
  for await (const hop of walk({ url, habits, token, clientId, signInTimeoutMs: SIGN_IN_MS, open })) {
    hops.push(hop)
    if (!json) context.print(hopText(hop, verbose))
  }
  const failed = hops.find(({ status }) => status === 'failed')
  if (json) context.print(asJson({ address: url.href, ok: failed === undefined, hops }))
  if (failed !== undefined) throw new CliError('failed', `the step "${failed.name}" fails: ${failed.finding}`)
}

/** @throws CliError `usage` */
function addressIn(given: string | undefined, env: NodeJS.ProcessEnv): URL {
  const text = given ?? (env['TOOL_GATEWAY_URL'] || `http://127.0.0.1:${env['PORT'] || '8080'}`)
  const url = /^https?:\/\//i.test(text) ? URL.parse(text) : null
  if (url === null)
    throw new CliError('usage', `expected an address as http://127.0.0.1:8080/mcp, or a client, got ${text}`)
  if (url.pathname === '/' && given === undefined) url.pathname = '/mcp'
  return url
}
