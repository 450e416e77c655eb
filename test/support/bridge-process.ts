import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startsCompiled } from './compiled.ts'
import { eventually } from './eventually.ts'

const COMMAND = fileURLToPath(new URL('../../src/cli/tool-gateway.ts', import.meta.url))

/** How a client starts `tool-gateway connect`. */
export interface BridgeCommand {
  readonly command: string
  readonly args: string[]
  readonly env: Record<string, string>
}

/**
 * @param options.home where it keeps its sign-ins
 * @param options.browser the program that it opens addresses with; by default none
 */
export function bridgeCommand(
  url: string,
  options: { home: string; browser?: string; args?: readonly string[]; env?: Record<string, string> },
): BridgeCommand {
  return {
    command: process.execPath,
    args: [COMMAND, 'connect', url, ...(options.args ?? [])],
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: options.home,
      BROWSER: options.browser ?? '/bin/true',
      ...startsCompiled.env,
      ...options.env,
    },
  }
}

/** A bridge that a test writes lines to, as a client without an SDK. */
export class BridgeProcess {
  readonly lines: string[] = []
  errors = ''
  readonly #child: ChildProcessWithoutNullStreams
  readonly #exit: Promise<[number | null]>

  constructor({ command, args, env }: BridgeCommand) {
    this.#child = spawn(command, args, { env })
    this.#exit = once(this.#child, 'close') as Promise<[number | null]>
    let rest = ''
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      this.lines.push(...lines)
    })
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.errors += text))
  }

  send(message: unknown): void {
    this.#child.stdin.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`)
  }

  /** The line with the response to a request. */
  async answerTo(id: unknown): Promise<Record<string, unknown>> {
    return await eventually(
      () =>
        this.lines
          .map((line) => JSON.parse(line) as Record<string, unknown>)
          .find((message) => message['id'] === id && message['method'] === undefined),
      {
        what: `a response to ${String(id)}; so far: ${this.lines.join(' ')} ${this.errors}`,
      },
    )
  }

  async request(id: unknown, method: string, params?: unknown): Promise<Record<string, unknown>> {
    this.send({ jsonrpc: '2.0', id, method, ...(params !== undefined && { params }) })
    return await this.answerTo(id)
  }

  /** Ends the input, as a client that is done. */
  end(): void {
    this.#child.stdin.end()
  }

  /** Leaves the output unread from now on, or reads it again. */
  read(isReading: boolean): void {
    if (isReading) this.#child.stdout.resume()
    else this.#child.stdout.pause()
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async exitCode(): Promise<number | null> {
    return (await this.#exit)[0]
  }
}
