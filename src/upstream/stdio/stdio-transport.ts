import { type ChildProcess, spawn } from 'node:child_process'
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client'
import { type Clock, sleep } from '../../domain/clock.ts'
import { childEnvironment } from './child-environment.ts'
import type { PacedInput } from '../messages/paced-input.ts'
import { LineFramer } from './line-framer.ts'
import { pacedPipe } from './paced-pipe.ts'
import { oversizedReply, responseId, unreadableReply } from '../messages/oversized-message.ts'
import { endGroup, signalGroup, tieGroup, untieGroup } from './process-group.ts'
import { endStrays, MARK, newMark } from './strays.ts'
import type { ProcessLog } from './process-log.ts'
import { SpawnFailed } from './spawn-failure.ts'
import { StderrBuffer } from './stderr-buffer.ts'
import { StderrLines } from './stderr-lines.ts'
import { readLine } from './stdio-line.ts'

const STDERR_BYTES = 64 * 1024
/** Input that a process has not read yet; more is refused. */
const MAX_QUEUED_BYTES = 16 * 1024 * 1024
/** How long a dead process's pipes may stay open before they are given up. */
const PIPE_GRACE_MS = 200
/** Lines on standard output that are no messages and are worth a line in the log. */
const MAX_IGNORED_LOGGED = 20

/** The program of a server over stdio, and the environment it runs in. */
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
 * A connection to a child process over its standard input and output, one JSON message per line. The process leads a
 * separate group, which ends with it. Standard error is kept for messages, up to a limit.
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
  readonly #mark: string
  #child: ChildProcess | undefined
  #closing: Promise<void> | undefined
  #isOpen = false
  #isLogged = false
  #hasSpoken = false
  #ignoredLines = 0
  #ownEnd: string | undefined
  #firstIgnored: string | undefined

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
    /** Of the marks of its processes. */
    owner?: string | undefined
  }) {
    const { redact = (text) => text, log } = options
    this.#mark = newMark(options.owner)
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

  /** Whether the process has sent a message. */
  get hasSpoken(): boolean {
    return this.#hasSpoken
  }

  /** Lines on standard output that were no message. */
  get ignoredLines(): number {
    return this.#ignoredLines
  }

  /** The first line on standard output that was no message, without secrets and cut. */
  get firstIgnored(): string | undefined {
    return this.#firstIgnored
  }

  /** How the process ended by itself; undefined while it runs, and where the gateway ended it. */
  get ownEnd(): string | undefined {
    return this.#ownEnd
  }

  /** Why the process is gone. */
  get exitReason(): string {
    const said = this.#stderr.tellingLine()
    const reason = this.#ownEnd ?? 'the connection was closed'
    return said === undefined ? reason : `${reason}; it said: ${said}`
  }

  /** @throws Error with a message for the operator when the process cannot be started */
  async start(): Promise<void> {
    const child = this.#spawn()
    this.#child = child
    if (child.pid !== undefined) tieGroup(child.pid, this.#mark)
    const spawned = new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      // Also later: an unhandled `error` would end the gateway.
      child.on('error', (error) => reject(new SpawnFailed(error, this.#command)))
    })
    child.stdin?.on('error', (error) => {
      this.onerror?.(error)
      void this.#lose('the process closed its standard input, on which it gets MCP messages')
    })
    const { stdout, stderr } = child
    const input = pacedPipe(stdout, this.#framer)
    stdout?.on('data', (chunk: Buffer) => input.push(chunk))
    const mute = 'the process closed its standard output, on which it sends MCP messages'
    stdout?.once('end', () => void this.#lose(mute, input))
    const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
    const said = pacedPipe(stderr, this.#lines, { clock: this.#clock, isOver })
    stderr?.on('data', (chunk: Buffer) => {
      // What it says when it is ended is no reason for that.
      if (this.#closing === undefined) this.#stderr.push(chunk)
      said.push(chunk)
    })
    child.once('exit', (code, signal) => this.#onExit(child, code, signal))
    child.once('close', () => input.whenEmpty(() => said.whenEmpty(() => this.#end())))
    await spawned
    this.#log?.noted(child.pid, 'the process was started')
    this.#isOpen = true
  }

  #spawn(): ChildProcess {
    const { command, args, cwd, env } = this.#command
    try {
      return spawn(command, args, {
        cwd,
        env: { ...childEnvironment(process.env, env), [MARK]: this.#mark },
        shell: false,
        detached: true,
        windowsHide: true,
        stdio: ['pipe', 'pipe', 'pipe'],
      })
    } catch (error) {
      throw new SpawnFailed(error, this.#command)
    }
  }

  /** @throws NotSent when the process is gone, or has not read the last 16 MiB */
  send(message: JSONRPCMessage): Promise<void> {
    const stdin = this.#child?.stdin
    if (stdin === undefined || stdin === null || !this.#isOpen || !stdin.writable)
      return Promise.reject(new NotSent('the process has exited'))
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
    // Requests in progress fail at once; the process may take a while to end.
    this.#reportEnd()
    child.stdin?.end()
    await Promise.race([this.#ended.promise, sleep(this.#clock, this.#graceMs.stdin)])
    const end = { clock: this.#clock, graceMs: this.#graceMs.term }
    await Promise.all([endGroup(pid, end), endStrays(this.#mark, { leaderPid: pid, ...end })])
    untieGroup(pid)
    await this.#ended.promise
  }

  /** A pipe has ended, as at the end of a process, or of one that lives on and can hear or say nothing more. */
  async #lose(reason: string, input?: PacedInput): Promise<void> {
    await sleep(this.#clock, PIPE_GRACE_MS)
    const lose = (): void => {
      if (this.#isOpen) this.#ownEnd ??= reason
      this.#reportEnd()
    }
    if (input === undefined) lose()
    else input.whenEmpty(lose)
  }

  #onExit(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#closing === undefined) {
      this.#ownEnd =
        signal === null
          ? `the process exited with code ${code}`
          : `the process was terminated by ${signal}, which the gateway did not send`
      const { pid: leaderPid } = child
      if (leaderPid !== undefined) {
        signalGroup(leaderPid, 'SIGKILL')
        untieGroup(leaderPid)
        void endStrays(this.#mark, { leaderPid, clock: this.#clock, graceMs: 0 })
      }
    }
    // What it wrote before its end is still to be read, but a process that left the group may hold the pipes open.
    void sleep(this.#clock, PIPE_GRACE_MS).then(() => this.#end())
  }

  #end(): void {
    const child = this.#child
    child?.stdin?.destroy()
    child?.stdout?.destroy()
    child?.stderr?.destroy()
    this.#logEnd(child)
    this.#reportEnd()
    this.#ended.resolve()
  }

  #logEnd(child: ChildProcess | undefined): void {
    if (this.#isLogged || child?.pid === undefined) return
    this.#isLogged = true
    this.#lines.end()
    this.#log?.noted(child.pid, this.#ownEnd ?? 'the gateway terminated the process')
  }

  #reportEnd(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.onclose?.()
  }

  #receive(text: string): void {
    const line = readLine(text)
    if (line.kind !== 'message') this.#ignore(text)
    if (line.kind === 'other') return
    this.#hasSpoken = true
    if (this.#isOpen) this.onmessage?.(line.kind === 'message' ? line.message : unreadableReply(line.id))
  }

  /** The commonest reason why a server does not work: it prints what is no message. */
  #ignore(line: string): void {
    this.#ignoredLines += 1
    if (this.#ignoredLines > MAX_IGNORED_LOGGED) return
    // Cut before it is looked through, by far more than is shown.
    const shown = this.#redact(line.slice(0, 4000)).replaceAll(/\p{C}/gu, ' ').trim().slice(0, 200)
    this.#firstIgnored ??= shown === '' ? undefined : shown
    this.#log?.noted(this.pid, `ignored output on standard output that is not an MCP message: ${shown}`)
  }

  #failOversized(head: string, tail: string | undefined): void {
    const id = responseId(head, tail)
    if (id !== undefined && this.#isOpen) this.onmessage?.(oversizedReply(id))
  }
}
