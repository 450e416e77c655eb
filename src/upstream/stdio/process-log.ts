import type { Clock } from '../../domain/clock.ts'
import type { ServerDefinition, ServerKey } from '../../domain/documents/server-definition.ts'

const MAX_LINES = 1000
const MAX_BYTES = 256 * 1024

/** A line that a process wrote to standard error, or what became of the process. */
export interface LogLine {
  /** Grows by one with each line of the log. */
  readonly number: number
  /** Milliseconds since the epoch. */
  readonly atMs: number
  /** Tells the processes of a server apart. */
  readonly pid: number | undefined
  /** The author of the line: the process, or the gateway about it. */
  readonly by: 'process' | 'gateway'
  readonly text: string
}

interface Follower {
  readonly onLine: (line: LogLine) => void
  readonly onEnd: () => void
}

/**
 * The last lines that the processes of one server wrote to standard error, across their restarts: 1000 lines and
 * 256 KiB at most. The writer removes secrets.
 */
export class ProcessLog {
  readonly #clock: Clock
  readonly #followers = new Set<Follower>()
  readonly #lines: LogLine[] = []
  #bytes = 0
  #count = 0

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock
  }

  /** A process wrote a line. */
  said(pid: number | undefined, text: string): void {
    this.#add(pid, 'process', text)
  }

  /** Something happened to a process. */
  noted(pid: number | undefined, text: string): void {
    this.#add(pid, 'gateway', text)
  }

  /** The last lines, oldest first. */
  last(count: number): readonly LogLine[] {
    return count === 0 ? [] : this.#lines.slice(-count)
  }

  /**
   * Calls `onLine` for each line from now on, and `onEnd` when there will be no more; the returned function ends that.
   */
  follow(onLine: (line: LogLine) => void, onEnd: () => void): () => void {
    const follower = { onLine, onEnd }
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }

  /** Ends the log of a process. */
  end(): void {
    for (const { onEnd } of this.#followers) onEnd()
    this.#followers.clear()
  }

  #add(pid: number | undefined, by: LogLine['by'], text: string): void {
    this.#count += 1
    const line = { number: this.#count, atMs: this.#clock.now(), pid, by, text }
    this.#lines.push(line)
    this.#bytes += Buffer.byteLength(text)
    this.#shrink()
    for (const { onLine } of this.#followers) onLine(line)
  }

  #shrink(): void {
    while (this.#lines.length > MAX_LINES || this.#bytes > MAX_BYTES) {
      const oldest = this.#lines.shift()
      if (oldest === undefined) return
      this.#bytes -= Buffer.byteLength(oldest.text)
    }
  }
}

/** The logs of all stdio servers, while the registry has them. */
export class ProcessLogs {
  readonly #clock: Clock
  readonly #logs = new Map<ServerKey, ProcessLog>()

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock
  }

  /** The log of a server, made if there is none. */
  of(key: ServerKey): ProcessLog {
    const log = this.#logs.get(key) ?? new ProcessLog({ clock: this.#clock })
    this.#logs.set(key, log)
    return log
  }

  /** Drops the logs of servers that the registry has no more. */
  setServers(servers: ReadonlyMap<ServerKey, ServerDefinition>): void {
    for (const [key, log] of this.#logs) {
      if (servers.has(key)) continue
      this.#logs.delete(key)
      log.end()
    }
  }
}
