import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, isWithin } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, jsonIn } from '../../domain/json/json.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { BatchWriter } from '../batch-writer.ts'
import type { Digester } from '../digest/digester.ts'
import { isIntact, lineOf } from '../record-line.ts'
import { storedRecord } from '../stored-record.ts'
import type { PendingRecord } from '../usage-record.ts'

const FILE = 'intents.jsonl'
/** From this size on the file is compacted: rewritten with the open intents only. */
const COMPACT_BYTES = 1024 * 1024
/** A call does not run if its intent cannot be written in this time. */
const OPEN_WITHIN_MS = 1000

/** What an `IntentLog` needs. */
export interface IntentLogOptions {
  readonly dir: string
  readonly digester: Digester
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

/**
 * Calls that are about to run, on disk before they are sent: what a kill interrupts can be recorded by the next start
 * (`left`). An intent is a usage record with the outcome `unknown`, under the id that the record of the call will have,
 * so that one of both that comes later changes nothing.
 */
export class IntentLog {
  readonly #options: IntentLogOptions
  readonly #path: string
  readonly #writer: BatchWriter
  /** Lines of the intents that were not closed, by id. */
  readonly #open = new Map<string, string>()
  /** Opened with the first intent. */
  #file: FileHandle | undefined
  #bytes = 0

  private constructor(options: IntentLogOptions) {
    this.#options = options
    this.#path = join(options.dir, FILE)
    const { logger } = options
    this.#writer = new BatchWriter({
      ...options,
      append: (lines) => this.#append(lines),
      onWritten: () => undefined,
      onFailure: (err) => logger.error({ err }, 'intents of calls cannot be written; such calls are refused'),
      onRecovery: () => logger.info('intents of calls can be written again'),
    })
  }

  /** Opens the log, and takes out what an earlier process left open: lines of records with the outcome `unknown`. */
  static async open(options: IntentLogOptions): Promise<{ log: IntentLog; left: readonly string[] }> {
    const path = join(options.dir, FILE)
    const left = openIn(await readFile(path, 'utf8').catch(() => ''))
    const log = new IntentLog(options)
    for (const [id, line] of left) log.#open.set(id, line)
    return { log, left: [...left.values()] }
  }

  /** What was left has been recorded. */
  async forgetLeft(): Promise<void> {
    this.#open.clear()
    await rm(this.#path, { force: true })
  }

  /**
   * Resolves once the intent outlives this process; the returned function says that the call has its record.
   * @throws GatewayError `audit_unavailable` if that takes too long
   */
  async begin(pending: PendingRecord): Promise<() => void> {
    const { digester, clock } = this.#options
    const line = lineOf(storedRecord(pending, await digester.digestOf(pending.argumentsText)))
    const { id } = pending
    this.#open.set(id, line)
    const batch = this.#writer.add(() => line, 0)
    if (!(await isWithin(clock, batch.written, OPEN_WITHIN_MS))) {
      this.#close(id)
      throw new GatewayError('audit_unavailable', 'The call cannot be announced to the usage records')
    }
    return () => this.#close(id)
  }

  /** Idempotent. What is open stays on disk. */
  async close(): Promise<void> {
    if (this.#open.size > 0)
      await isWithin(this.#options.clock, this.#writer.newest?.written ?? DONE, OPEN_WITHIN_MS)
    this.#writer.stop()
    await this.#file?.close()
  }

  /** Written with the next intent, or soon: until then the record itself shows that the call has ended. */
  #close(id: string): void {
    if (this.#open.delete(id)) this.#writer.add(() => JSON.stringify({ closed: id }), 0)
  }

  async #append(lines: Buffer): Promise<void> {
    if (this.#bytes + lines.length > COMPACT_BYTES) await this.#compact()
    else {
      this.#file ??= await open(this.#path, 'a', 0o600)
      await this.#file.appendFile(lines)
      this.#bytes += lines.length
    }
  }

  /** Everything that is open is in memory, also what is just being written. */
  async #compact(): Promise<void> {
    const text = [...this.#open.values()].map((line) => `${line}\n`).join('')
    const next = `${this.#path}.next`
    const file = await open(next, 'w', 0o600)
    await file.writeFile(text)
    await rename(next, this.#path)
    await this.#file?.close()
    this.#file = file
    this.#bytes = Buffer.byteLength(text)
  }
}

const DONE = Promise.resolve()

/** The lines without an end among what follows them, by id. The last one may be torn. */
function openIn(text: string): Map<string, string> {
  const left = new Map<string, string>()
  for (const line of text.split('\n')) {
    const value = jsonIn(line)
    if (!isJsonObject(value)) continue
    const { id, closed } = value
    if (typeof closed === 'string') left.delete(closed)
    else if (typeof id === 'string' && isIntact(line)) left.set(id, line)
  }
  return left
}
