import { type ChildProcess, spawn } from 'node:child_process'
import { type Clock, sleep } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { redactText } from '../../telemetry/redaction.ts'
import { groupGone, signalGroup, tieGroup, untieGroup } from '../stdio/process-group.ts'
import { StderrLines } from '../stdio/stderr-lines.ts'
import { isLargerThan } from './folder-size.ts'

/**
 * What npm gets of the gateway's environment: enough to find the user's own configuration, the proxy and the
 * certificates. Of the gateway's settings and secrets it gets none.
 */
const INHERITED =
  /^(PATH|HOME|USER|LOGNAME|LANG|LC_ALL|TMPDIR|XDG_(CONFIG|CACHE|DATA)_HOME|(HTTPS?|NO)_PROXY|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|NPM_TOKEN|NODE_AUTH_TOKEN|NPM_CONFIG_.+)$/i
const SIZE_CHECK_MS = 1000
const TERM_MS = 2000
const MAX_COMPLAINTS = 3

/** One installation by npm: the package, the folder, and its limits. */
export interface NpmInstall {
  /** An empty folder, which the package and what it needs come into. */
  readonly folder: string
  /** Name and version, or a tag in the place of the version. */
  readonly spec: string
  readonly runsScripts: boolean
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Number of files that were requested from the registry so far. */
  readonly onFetched: (count: number) => void
}

/**
 * Installs a package with the npm of this machine and the user's own configuration, in a separate process group and
 * without a shell. When it rejects, none of its processes is left.
 * @throws GatewayError `install_failed` with npm's reason, or `cancelled`
 */
export async function npmInstall(options: NpmInstall): Promise<void> {
  const { clock, timeoutMs, maxBytes, folder, signal } = options
  if (signal.aborted) throw abortOf(signal)
  const run = new NpmRun(options)
  const cancelTimeout = clock.after(timeoutMs, () => run.end(failed(`it took longer than ${timeoutMs} ms`)))
  const onAbort = (): void => run.end(abortOf(signal))
  signal.addEventListener('abort', onAbort, { once: true })
  const watching = new AbortController()
  const watch = async (): Promise<void> => {
    for (;;) {
      await sleep(clock, SIZE_CHECK_MS, watching.signal)
      if (watching.signal.aborted) return
      if (await isLargerThan(folder, maxBytes)) return run.end(tooLarge(maxBytes))
    }
  }
  void watch()
  try {
    await run.finished
    if (await isLargerThan(folder, maxBytes)) throw tooLarge(maxBytes)
  } finally {
    watching.abort()
    cancelTimeout()
    signal.removeEventListener('abort', onAbort)
  }
}

/** What an aborted installation fails with. */
export function abortOf({ reason }: AbortSignal): GatewayError {
  return reason instanceof GatewayError ? reason : new GatewayError('cancelled')
}

/** One run of npm. */
class NpmRun {
  /** Rejects with why it came to nothing, once every process of it has ended. */
  readonly finished: Promise<void>
  readonly #child: ChildProcess
  readonly #clock: Clock
  readonly #onFetched: (count: number) => void
  readonly #complaints: string[] = []
  #fetched = 0
  #failure: GatewayError | undefined

  constructor({ folder, spec, runsScripts, clock, onFetched }: NpmInstall) {
    this.#clock = clock
    this.#onFetched = onFetched
    this.#child = spawn('npm', argumentsOf(folder, spec, runsScripts), {
      cwd: folder,
      env: inherited(),
      shell: false,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    if (this.#child.pid !== undefined) tieGroup(this.#child.pid)
    // First: a process that could not be started has no pipes, and an unhandled `error` ends the gateway.
    this.finished = this.#ended()
    const lines = new StderrLines({ redact: redactText, onLine: (line) => this.#read(line) })
    this.#child.stderr?.on('data', (chunk: Buffer) => lines.push(chunk))
  }

  /** Ends it because of `failure`, by force where it has to be. */
  end(failure: GatewayError): void {
    if (this.#failure !== undefined) return
    this.#failure = failure
    const { pid } = this.#child
    if (pid === undefined) return
    signalGroup(pid, 'SIGTERM')
    void groupGone(pid, this.#clock, TERM_MS).then((isGone) => isGone || signalGroup(pid, 'SIGKILL'))
  }

  async #ended(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    this.#child.once('error', (error: NodeJS.ErrnoException) =>
      resolve(
        error.code === 'ENOENT'
          ? 'npm was not found on this machine'
          : `npm could not be started (${error.code})`,
      ),
    )
    this.#child.once('close', (code, signal) =>
      resolve(code === 0 ? undefined : (this.#complaint() ?? `npm ended with ${signal ?? code}`)),
    )
    const reason = await promise
    const { pid } = this.#child
    // What a script left running.
    if (pid !== undefined && !(await groupGone(pid, this.#clock, TERM_MS))) signalGroup(pid, 'SIGKILL')
    if (pid !== undefined) untieGroup(pid)
    if (this.#failure !== undefined) throw this.#failure
    if (reason !== undefined) throw failed(reason)
  }

  #read(line: string): void {
    if (line.startsWith('npm http fetch')) {
      this.#fetched += 1
      this.#onFetched(this.#fetched)
      return
    }
    const complaint = /^npm (?:error|ERR!) (.*)$/.exec(line)?.[1]?.trim()
    if (complaint === undefined || complaint === '' || complaint.startsWith('A complete log')) return
    if (this.#complaints.length < MAX_COMPLAINTS) this.#complaints.push(complaint)
  }

  #complaint(): string | undefined {
    return this.#complaints.length === 0 ? undefined : `npm says: ${this.#complaints.join('; ')}`
  }
}

function argumentsOf(folder: string, spec: string, runsScripts: boolean): string[] {
  return [
    'install',
    `--prefix=${folder}`,
    '--global=false',
    '--save-exact',
    '--omit=dev',
    `--ignore-scripts=${String(!runsScripts)}`,
    '--audit=false',
    '--fund=false',
    '--update-notifier=false',
    '--progress=false',
    '--color=false',
    '--loglevel=http',
    '--',
    spec,
  ]
}

function inherited(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => INHERITED.test(name)))
}

function failed(reason: string): GatewayError {
  return new GatewayError('install_failed', `The package could not be installed: ${reason}`)
}

function tooLarge(maxBytes: number): GatewayError {
  return failed(`with its dependencies it is larger than ${maxBytes} bytes`)
}
