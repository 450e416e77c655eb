import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { endsWithUs } from '../../support/ends-with-us.ts'
import { eventually } from '../../support/eventually.ts'
import type { LoopReport } from './gateway-probe.ts'

/** How the process of a gateway is. */
export interface Vitals extends LoopReport {
  readonly rssMb: number
  /** The most since the last question. */
  readonly peakMb: number
}

/** A gateway as a process, with a look at its memory and at its event loop. */
export class Gateway implements AsyncDisposable {
  readonly url: string
  readonly dataDir: string
  readonly log: string[]
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, at: { url: string; dataDir: string; log: string[] }) {
    this.#child = child
    this.url = at.url
    this.dataDir = at.dataDir
    this.log = at.log
  }

  static async start(registry: object, env: Record<string, string>): Promise<Gateway> {
    const dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-hostile-'))
    await writeFile(join(dataDir, 'registry.json'), JSON.stringify(registry), { mode: 0o600 })
    const child = spawn(
      process.execPath,
      ['--import', join(import.meta.dirname, 'gateway-probe.ts'), 'src/main.ts'],
      {
        env: {
          PATH: process.env['PATH'],
          HOME: dataDir,
          PORT: '0',
          METRICS_PORT: '0',
          DATA_DIR: join(dataDir, 'data'),
          REGISTRY_FILE: join(dataDir, 'registry.json'),
          LOG_FORMAT: 'json',
          ...env,
        },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      },
    )
    endsWithUs(child)
    const log: string[] = []
    for (const stream of [child.stdout, child.stderr])
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => log.push(line))
    const url = await eventually(() => listeningAt(log), { timeoutMs: 60_000, what: 'the gateway listening' })
    return new Gateway(child, { url, dataDir, log })
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Replaces the registry file, as an editor would. */
  async writeRegistry(text: string): Promise<void> {
    const path = join(this.dataDir, 'registry.json')
    await writeFile(`${path}.next`, text, { mode: 0o600 })
    await rename(`${path}.next`, path)
  }

  async readRegistry(): Promise<string> {
    return readFile(join(this.dataDir, 'registry.json'), 'utf8')
  }

  /** Looks, and begins a new interval. */
  async vitals(): Promise<Vitals> {
    const answered = once(this.#child, 'message')
    this.#child.send('report')
    const [report] = (await answered) as [LoopReport]
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8')
    await writeFile(`/proc/${this.#child.pid}/clear_refs`, '5')
    const mb = (field: string): number =>
      Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024)
    return { ...report, rssMb: mb('VmRSS'), peakMb: mb('VmHWM') }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isAlive) {
      const ended = once(this.#child, 'close')
      this.#child.kill('SIGTERM')
      await ended
    }
    await rm(this.dataDir, { recursive: true, force: true })
  }
}

/** @throws Error with what the gateway said when it does not start */
function listeningAt(log: readonly string[]): string | undefined {
  const line = log.find((each) => each.includes('gateway is listening'))
  return line === undefined ? undefined : (JSON.parse(line) as { url: string }).url
}
