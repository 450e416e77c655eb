import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { endsWithUs } from './ends-with-us.ts'

const PROGRAM = join(import.meta.dirname, 'upstreams/signed-http.ts')

/** A server over HTTP in a process of its own, which can be killed and started again at its port. */
export class SignedProcess {
  readonly #era: 'legacy' | 'modern'
  #child: ChildProcess | undefined
  #port = 0

  constructor(options: { era: 'legacy' | 'modern' }) {
    this.#era = options.era
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/mcp`
  }

  /** How it signs its answers. */
  get signature(): string {
    return String(this.#child?.pid)
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [PROGRAM, this.#era, String(this.#port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    endsWithUs(child)
    this.#child = child
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    this.#port = Number(line)
  }

  /** Answers what it holds. */
  release(): void {
    this.#child?.kill('SIGUSR2')
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
}
