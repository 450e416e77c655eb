import { relative } from 'node:path'
import { styleText } from 'node:util'
import type { Settings } from './config/settings.ts'
import { registryPlace } from './config/start-notes.ts'
import { printableLine } from './domain/text/printable.ts'
import type { Gateway } from './gateway.ts'
import { LOCAL_OWNER } from './identity/browser/local-owner.ts'
import type { ServerStatus } from './upstream/pool/server-pools.ts'

const TOKEN_TTL_MS = 86_400_000

/** What a person at a terminal sees at startup: the endpoints, the state of each server, and what to do next. */
export class Welcome {
  readonly #print: (text: string) => void
  readonly #settings: Settings
  readonly #shown = new Map<string, string>()
  /** Lines about servers that were ready before the heading was printed; undefined once it is. */
  #held: string[] | undefined = []

  constructor(options: { print: (text: string) => void; settings: Settings }) {
    this.#print = options.print
    this.#settings = options.settings
  }

  /** Prints a line when a server is ready or has failed. */
  serverState({ key, name, state, reason }: ServerStatus): void {
    if (state !== 'ready' && state !== 'failed' && state !== 'backing_off') return
    if (this.#shown.get(key) === state) return
    this.#shown.set(key, state)
    const mark = state === 'ready' ? styleText('green', '✓') : styleText('red', '✗')
    const line = `  ${mark} ${name} ${state === 'ready' ? 'is ready' : `is not ready: ${printableLine(reason ?? state)}`}\n`
    if (this.#held === undefined) this.#print(line)
    else this.#held.push(line)
  }

  /** Prints the endpoints and how to try them, and then each server when it is ready. */
  async started(gateway: Gateway): Promise<void> {
    const { registryFile: file } = this.#settings
    const registry = registryPlace({ ...this.#settings, registryFile: relative(process.cwd(), file) })
    const lines = [
      '',
      styleText('bold', 'Tool Gateway'),
      `  MCP      ${gateway.url}/mcp   (Streamable HTTP)   ${gateway.url}/sse   (HTTP+SSE)`,
      `  REST     ${gateway.url}/v1/tools`,
      ...(gateway.metricsUrl === undefined ? [] : [`  Metrics  ${gateway.metricsUrl}`]),
      `  Servers  ${registry}${gateway.wroteExample ? ' (an example, just written; edit it, changes are live)' : ''}`,
      ...(gateway.signInLink === undefined
        ? []
        : [`  Sign in  ${gateway.signInLink()}   (one use, ten minutes)`]),
      ...(gateway.localIssuer === undefined ? [] : await this.#trial(gateway, gateway.localIssuer)),
      '',
      ...starting(gateway),
    ]
    // In one write, so that no log line appears in between.
    this.#print(`${lines.join('\n')}\n${this.#held?.join('') ?? ''}`)
    this.#held = undefined
  }

  /** Prints a one-time link that a browser asked for. */
  signInLink(url: string): void {
    this.#print(`\nA browser asks to sign in. Open this link in it (one use, ten minutes):\n  ${url}\n`)
  }

  /** Prints that the shutdown has started, and how many calls it waits for. */
  stopping(callsInFlight: number): void {
    const waiting = callsInFlight === 0 ? '' : `, waiting for ${callsInFlight} calls in flight`
    this.#print(`\nStopping${waiting}.\n`)
  }

  async #trial(gateway: Gateway, issuer: NonNullable<Gateway['localIssuer']>): Promise<string[]> {
    const token = await issuer.issue({
      tenantId: this.#settings.defaultTenant,
      ...LOCAL_OWNER,
      agent: 'terminal',
      ttlMs: TOKEN_TTL_MS,
    })
    const isUsual = gateway.url === 'http://127.0.0.1:8080'
    return [
      '',
      'Try it in another terminal, in this folder:',
      '',
      `  npm run --silent tg -- tools list${isUsual ? '' : ` --url ${gateway.url}`}`,
      '',
      'The same with curl. The token is valid for one day; create others with `npm run --silent tg -- token --help`.',
      '',
      `export TOOL_GATEWAY_TOKEN=${token}`,
      `curl -s '${gateway.url}/v1/tools?limit=2' -H "Authorization: Bearer $TOOL_GATEWAY_TOKEN"`,
    ]
  }
}

function starting(gateway: Gateway): string[] {
  const count = gateway.statuses().filter(({ state }) => state === 'starting').length
  return count === 0 ? [] : [`${count} ${count === 1 ? 'server is' : 'servers are'} starting:`]
}
