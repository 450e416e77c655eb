import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { endsWithUs } from './ends-with-us.ts'
import { eventually } from './eventually.ts'

/** The gateway as a user starts it: a process of its own, with its log read line by line. */
export interface GatewayProcess {
  readonly child: ChildProcess
  readonly dataDir: string
  readonly url: () => Promise<string>
  readonly log: Record<string, unknown>[]
  readonly output: string[]
  /** Runs a `tg` command with the same data directory; resolves with its output and exit code. */
  readonly tg: (...args: string[]) => Promise<{ code: number | null; stdout: string; stderr: string }>
  readonly exited: Promise<number | null>
  readonly remove: () => Promise<void>
}

export async function spawnGateway(env: Record<string, string> = {}): Promise<GatewayProcess> {
  const dataDir = env['DATA_DIR'] ?? (await mkdtemp(join(tmpdir(), 'tool-gateway-process-')))
  const settings = {
    ...cleanEnvironment(),
    PORT: '0',
    METRICS_PORT: '0',
    DATA_DIR: dataDir,
    LOG_FORMAT: 'json',
    ...env,
  }
  const child = spawn(process.execPath, ['src/main.ts'], { env: settings, stdio: ['ignore', 'pipe', 'pipe'] })
  endsWithUs(child)
  const log: Record<string, unknown>[] = []
  const output: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => output.push(line))
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.startsWith('{')) log.push(JSON.parse(line) as Record<string, unknown>)
    else output.push(line)
  })
  const exited = once(child, 'close').then(([code]) => code as number | null)
  return {
    child,
    dataDir,
    log,
    output,
    exited,
    url: () =>
      eventually(() => log.find(({ msg }) => msg === 'gateway is listening')?.['url'] as string | undefined, {
        what: 'the gateway listening',
      }),
    tg: (...args) => tg(settings, args),
    remove: async () => {
      child.kill('SIGKILL')
      await exited
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

async function tg(
  env: NodeJS.ProcessEnv,
  args: string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['src/cli/tool-gateway.ts', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

/** The environment without what the test runner added to it. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, JEST_WORKER_ID: _worker, NODE_ENV: _env, ...rest } = process.env
  return rest
}
