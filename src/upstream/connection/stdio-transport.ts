import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client'
import { type Clock, sleep } from '../../domain/clock.ts'
import { isJsonObject } from '../../domain/json.ts'
import { LineFramer } from './line-framer.ts'
import { oversizedReply, responseId } from './oversized-message.ts'
import { groupGone, signalGroup } from './process-group.ts'
import type { ProcessLog } from './process-log.ts'
import { StderrBuffer } from './stderr-buffer.ts'
import { StderrLines } from './stderr-lines.ts'

/** All that a server process gets of the gateway's own environment. */
const INHERITED = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'USER', 'LOGNAME', 'SHELL', 'TERM']
const STDERR_BYTES = 64 * 1024
/** Input that a process has not read yet; more is refused. */
const MAX_QUEUED_BYTES = 16 * 1024 * 1024
/** How long a dead process's pipes may stay open before they are given up. */
const PIPE_GRACE_MS = 200
/** Lines on standard output that are no messages and are worth a line in the log. */
const MAX_IGNORED_LOGGED = 20

export interface StdioCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string | undefined
  readonly env: Readonly<Record<string, string>>
}

/** The message never left the gateway. */
export class NotSent extends Error {
  override readonly name = 'NotSent'
}

/**
 * A connection to a child process over its standard input and output, one JSON message per line. The process
 * leads a group of its own, which ends with it. Standard error is kept for messages, bounded.
 */
export class StdioTransport implements Transport {
  onclose?: (() => void) | undefined
  onerror?: ((error: Error) => void) | undefined
  onmessage?: ((message: JSONRPCMessage) => void) | undefined

  readonly #command: StdioCommand
  readonly #clock: Clock
  readonly #graceMs: { readonly stdin: number; readonly term: number }
  readonly #framer: LineFramer
  readonly #stderr: StderrBuffer
  readonly #lines: StderrLines
  readonly #log: ProcessLog | undefined
  readonly #redact: (text: string) => string
  readonly #ended = Promise.withResolvers<void>()
  #child: ChildProcessWithoutNullStreams | undefined
  #closing: Promise<void> | undefined
  #isOpen = false
  #isLogged = false
  #ignoredLines = 0
  #exitReason = 'the process ended'

  constructor(options: {
    command: StdioCommand
    maxMessageBytes: number
    clock: Clock
    /** Time to end after stdin closed, and after SIGTERM, before the next stronger means. */
    graceMs?: { stdin: number; term: number }
    /** Takes out of what the process says what must not be quoted. */
    redact?: (text: string) => string
    /** Gets what the process says on standard error, and what becomes of it. */
    log?: ProcessLog | undefined
  }) {
    const { redact = (text) => text, log } = options
    this.#redact = redact
    this.#log = log
    this.#stderr = new StderrBuffer({ limitBytes: STDERR_BYTES, redact })
    this.#lines = new StderrLines({ redact, onLine: (line) => log?.said(this.pid, line) })
    this.#command = options.command
    this.#clock = options.clock
    this.#graceMs = options.graceMs ?? { stdin: 200, term: 2000 }
    this.#framer = new LineFramer({
      maxBytes: options.maxMessageBytes,
      listener: {
        onLine: (line) => this.#receive(line),
        onOversized: (head, tail) => this.#failOversized(head, tail),
      },
    })
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** What the process wrote to standard error last. Together with `pid` it tells the SDK that this is a pipe. */
  get stderr(): StderrBuffer {
    return this.#stderr
  }

  /** Lines on standard output that were no message. */
  get ignoredLines(): number {
    return this.#ignoredLines
  }

  /** Why the process is gone. */
  get exitReason(): string {
    const said = this.#stderr.lastLine()
    return said === undefined ? this.#exitReason : `${this.#exitReason}; it said: ${said}`
  }

  /** @throws Error with a message for the operator when the process cannot be started */
  async start(): Promise<void> {
    const { command, args, cwd, env } = this.#command
    const child = spawn(command, args, {
      cwd,
      env: { ...inherited(), ...env },
      shell: false,
      detached: true,
      windowsHide: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child = child
    child.stdin.on('error', (error) => this.onerror?.(error))
    child.stdout.on('data', (chunk: Buffer) => this.#framer.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr.push(chunk)
      this.#lines.push(chunk)
    })
    child.once('exit', (code, signal) => this.#onExit(child, code, signal))
    child.once('close', () => this.#end())
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', (error) => reject(spawnError(error, this.#command)))
    })
    this.#log?.noted(child.pid, 'the process was started')
    this.#isOpen = true
  }

  /** @throws NotSent when the process is gone, or has not read the last 16 MiB */
  send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#child?.stdin
    if (stdin === undefined || !this.#isOpen || !stdin.writable)
      return Promise.reject(new NotSent('the process is gone'))
    const line = `${JSON.stringify(message)}\n`
    if (stdin.writableLength + line.length > MAX_QUEUED_BYTES) {
      return Promise.reject(new NotSent('the process does not read its input'))
    }
    stdin.write(line)
    return Promise.resolve()
  }

  /** Ends the process and all others of its group. */
  close(): Promise<void> {
    this.#closing ??= this.#stop()
    return this.#closing
  }

  async #stop(): Promise<void> {
    const child = this.#child
    const pid = child?.pid
    if (child === undefined || pid === undefined) return
    this.#exitReason = 'the connection was closed'
    // Whoever waits for an answer learns at once; the process may take a while to end.
    this.#reportEnd()
    child.stdin.end()
    await Promise.race([this.#ended.promise, sleep(this.#clock, this.#graceMs.stdin)])
    if (signalGroup(pid, 'SIGTERM') && !(await groupGone(pid, this.#clock, this.#graceMs.term))) {
      signalGroup(pid, 'SIGKILL')
    }
    await this.#ended.promise
  }

  #onExit(child: ChildProcessWithoutNullStreams, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#closing === undefined) {
      this.#exitReason =
        signal === null ? `the process exited with code ${code}` : `the process was ended by ${signal}`
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
    }
    // What it wrote before its end is still to be read, but a process that left the group may hold the pipes open.
    void sleep(this.#clock, PIPE_GRACE_MS).then(() => this.#end())
  }

  #end(): void {
    const child = this.#child
    child?.stdin.destroy()
    child?.stdout.destroy()
    child?.stderr.destroy()
    this.#logEnd(child)
    this.#reportEnd()
    this.#ended.resolve()
  }

  #logEnd(child: ChildProcessWithoutNullStreams | undefined): void {
    if (this.#isLogged || child?.pid === undefined) return
    this.#isLogged = true
    this.#lines.end()
    this.#log?.noted(child.pid, this.#closing === undefined ? this.#exitReason : 'the process was ended')
  }

  #reportEnd(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.onclose?.()
  }

  #receive(line: string): void {
    const message = parseMessage(line)
    if (message === undefined) this.#ignore(line)
    else if (this.#isOpen) this.onmessage?.(message)
  }

  /** The commonest reason why a server does not work: it prints what is no message. */
  #ignore(line: string): void {
    this.#ignoredLines += 1
    if (this.#ignoredLines > MAX_IGNORED_LOGGED) return
    const shown = this.#redact(line).replaceAll(/\p{C}/gu, ' ').slice(0, 200)
    this.#log?.noted(this.pid, `no message, but on standard output: ${shown}`)
  }

  #failOversized(head: string, tail: string | undefined): void {
    const id = responseId(head, tail)
    if (id !== undefined && this.#isOpen) this.onmessage?.(oversizedReply(id))
  }
}

function inherited(): Record<string, string> {
  return Object.fromEntries(
    INHERITED.flatMap((name): [string, string][] => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

function parseMessage(line: string): JSONRPCMessage | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isMessage(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Told by its envelope alone: whether the rest fits is decided where the message is used. */
function isMessage(value: unknown): value is JSONRPCMessage {
  return isJsonObject(value) && value['jsonrpc'] === '2.0'
}

function spawnError(error: NodeJS.ErrnoException, { command, cwd }: StdioCommand): Error {
  const place = cwd === undefined ? '' : `, or the working directory ${cwd} does not exist`
  const texts: Record<string, string> = { ENOENT: `was not found${place}`, EACCES: 'may not be executed' }
  const code = error.code ?? 'unknown error'
  return new Error(`the command ${command} ${texts[code] ?? `could not be started (${code})`}`, {
    cause: error,
  })
}
