import { relative } from 'node:path'
import { styleText } from 'node:util'
import type { Settings } from './config/load.ts'
import { registryPlace } from './config/start-notes.ts'
import { printableLine } from './domain/printable.ts'
import type { Gateway } from './gateway.ts'
import type { ServerStatus } from './upstream/upstreams.ts'

const TOKEN_TTL_MS = 86_400_000
const WAIT_MS = 20_000

/** What a person at a terminal sees at start: where things are, how the servers come up, and what to do next. */
export class Welcome {
  readonly #print: (text: string) => void
  readonly #settings: Settings
  readonly #shown = new Map<string, string>()
  /** Lines about servers that were up before the heading was printed; undefined once it is. */
  #held: string[] | undefined = []
  #onSettled: (() => void) | undefined

  constructor(options: { print: (text: string) => void; settings: Settings }) {
    this.#print = options.print
    this.#settings = options.settings
  }

  /** Prints a line when a server is ready or has failed. */
  serverState({ name, state, reason }: ServerStatus): void {
    if (state !== 'ready' && state !== 'failed' && state !== 'backing_off') return
    if (this.#shown.get(name) === state) return
    this.#shown.set(name, state)
    const mark = state === 'ready' ? styleText('green', '✓') : styleText('red', '✗')
    const line = `  ${mark} ${name} ${state === 'ready' ? 'is ready' : `is not ready: ${printableLine(reason ?? state)}`}\n`
    if (this.#held === undefined) this.#print(line)
    else this.#held.push(line)
    this.#onSettled?.()
  }

  /** Prints the endpoints, waits until every server has said how it is, and prints how to try it. */
  async started(gateway: Gateway): Promise<void> {
    const { registryFile: file } = this.#settings
    const registry = registryPlace({ ...this.#settings, registryFile: relative(process.cwd(), file) })
    this.#print(
      [
        '',
        styleText('bold', 'Tool Gateway'),
        `  MCP      ${gateway.url}/mcp   (Streamable HTTP)   ${gateway.url}/sse   (HTTP+SSE)`,
        `  REST     ${gateway.url}/v1/tools`,
        ...(gateway.metricsUrl === undefined ? [] : [`  Metrics  ${gateway.metricsUrl}`]),
        `  Servers  ${registry}${gateway.wroteExample ? ' (an example, just written; edit it, changes are live)' : ''}`,
        '',
      ].join('\n'),
    )
    this.#print(this.#held?.join('') ?? '')
    this.#held = undefined
    await this.#settled(gateway)
    if (gateway.localIssuer !== undefined) await this.#printToken(gateway, gateway.localIssuer)
  }

  /** Says that the end has begun, and what it waits for. */
  stopping(callsInFlight: number): void {
    const waiting = callsInFlight === 0 ? '' : `, waiting for ${callsInFlight} calls in flight`
    this.#print(`\nStopping${waiting}.\n`)
  }

  async #printToken(gateway: Gateway, issuer: NonNullable<Gateway['localIssuer']>): Promise<void> {
    const token = await issuer.issue({
      tenantId: this.#settings.defaultTenant,
      subject: 'you',
      roles: ['reader', 'operator', 'auditor'],
      agent: 'terminal',
      ttlMs: TOKEN_TTL_MS,
    })
    const isUsual = gateway.url === 'http://127.0.0.1:8080'
    this.#print(
      [
        '',
        'Try it in another terminal, in this folder:',
        '',
        `  npm run --silent tg -- tools list${isUsual ? '' : ` --url ${gateway.url}`}`,
        '',
        'The same with curl. The token is good for a day; make others with `npm run --silent tg -- token --help`.',
        '',
        `export TOOL_GATEWAY_TOKEN=${token}`,
        `curl -s '${gateway.url}/v1/tools?limit=2' -H "Authorization: Bearer $TOOL_GATEWAY_TOKEN"`,
        '',
        '',
      ].join('\n'),
    )
  }

  #settled(gateway: Gateway): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const check = (): void => {
      if (gateway.statuses().every(({ name, state }) => state === 'stopped' || this.#shown.has(name)))
        resolve()
    }
    this.#onSettled = check
    const timer = setTimeout(resolve, WAIT_MS)
    check()
    return promise.finally(() => clearTimeout(timer))
  }
}
