import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { makePrivateDirectory } from '../../files/private-file.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { DeferredSync } from '../deferred-sync.ts'
import { codeOf } from '../error-code.ts'
import { SpoolOwner } from './spool-owner.ts'
import { SpoolSegment } from './spool-segment.ts'
import { storedRecordSchema } from '../stored-record-schema.ts'
import type { StoredRecord } from '../usage-record.ts'

const FOLDER = 'spool'

/** Where a `Spool` keeps records, and how many bytes it may use. */
export interface SpoolOptions {
  /** Records are kept in its folder `spool`. */
  readonly dir: string
  /** Bytes on disk from which on the spool counts as full. */
  readonly limitBytes: number
  /** Bytes from which on a segment is not written any further; 1 MiB by default. */
  readonly segmentBytes?: number
  readonly clock: Clock
  readonly logger: Logger
}

/** Records of the spool, in the order they came. */
export interface SpooledBatch {
  readonly records: readonly StoredRecord[]
  readonly segment: SpoolSegment
  readonly end: number
}

/**
 * Usage records on disk on their way to a store: JSON lines in segments (mode 0600) that only this process writes, and
 * segments that earlier processes left. A record is returned until it is marked as delivered, and again after a restart
 * while its segment exists: the store must accept a record twice and keep it once.
 */
export class Spool {
  readonly #owner: SpoolOwner
  readonly #limitBytes: number
  readonly #segmentBytes: number
  readonly #logger: Logger
  readonly #refusedPath: string
  readonly #sync: DeferredSync
  readonly #unsynced = new Set<SpoolSegment>()
  /** Oldest first; only the last one may still be written. */
  #segments: SpoolSegment[] = []
  #refusedBytes = 0
  #lastAppend: Promise<void> = Promise.resolve()

  private constructor(options: SpoolOptions, owner: SpoolOwner) {
    this.#owner = owner
    this.#limitBytes = options.limitBytes
    this.#segmentBytes = options.segmentBytes ?? 1024 * 1024
    this.#logger = options.logger
    this.#refusedPath = owner.refusedPath
    this.#sync = new DeferredSync({ ...options, sync: () => this.#syncWritten() })
  }

  /** Opens the spool with what processes that are gone have left. @throws Error when the folder cannot be used */
  static async open(options: SpoolOptions): Promise<Spool> {
    const dir = join(options.dir, FOLDER)
    await makePrivateDirectory(dir)
    const spool = new Spool(options, await SpoolOwner.open({ dir, clock: options.clock }))
    await spool.takeOver()
    return spool
  }

  /** Bytes of records that are not delivered yet. */
  get waitingBytes(): number {
    return this.#segments.reduce((sum, { waiting }) => sum + waiting, 0)
  }

  /** Whether nothing new should be started whose record would have to go here. */
  isFull(): boolean {
    return this.#segments.reduce((sum, { size }) => sum + size, this.#refusedBytes) >= this.#limitBytes
  }

  /**
   * Resolves once the kernel has the records; they are on the disk a moment later. A full spool takes them too: their
   * calls were let in before it was full.
   * @throws Error when the disk is full or fails
   */
  append(records: readonly StoredRecord[]): Promise<void> {
    const lines = Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''))
    this.#lastAppend = this.#lastAppend.catch(() => undefined).then(() => this.#append(lines))
    return this.#lastAppend
  }

  /** The oldest records that are not delivered, at most `limit`; undefined if there are none. */
  async next(limit: number): Promise<SpooledBatch | undefined> {
    for (let segment = this.#segments[0]; segment !== undefined; segment = this.#segments[0]) {
      const batch = await this.#read(segment, limit)
      if (batch !== undefined) return batch
      if (!segment.isSealed) return undefined
      if (segment.waiting > 0)
        this.#logger.warn({ bytes: segment.waiting }, 'dropped a partial record left by a crashed writer')
      await this.#drop(segment)
    }
    return undefined
  }

  /** The records of the batch are in the store and need not be given out again. */
  async markDelivered({ segment, end }: SpooledBatch): Promise<void> {
    segment.markDelivered(end)
    if (segment.isSealed && segment.waiting === 0) await this.#drop(segment)
  }

  /** Puts lines that no store will take aside, in a file that nothing reads. */
  async refuse(lines: readonly string[]): Promise<void> {
    const text = Buffer.from(lines.map((line) => `${line}\n`).join(''))
    const file = await open(this.#refusedPath, 'a', 0o600)
    try {
      await file.appendFile(text)
      await file.datasync()
    } finally {
      await file.close()
    }
    this.#refusedBytes += text.length
    this.#logger.error(
      { count: lines.length, file: this.#refusedPath },
      'quarantined usage records that the store permanently rejects',
    )
  }

  /** Takes over what processes that are gone have left. */
  async takeOver(): Promise<void> {
    for (const orphan of (await this.#owner.orphans()).toReversed()) {
      const segment = await SpoolSegment.take(orphan, this.#owner.nextSegment())
      if (segment === undefined) continue
      this.#logger.info({ bytes: segment.size }, 'usage records of an earlier process were delivered')
      this.#segments.unshift(segment)
    }
  }

  /** Leaves what is not delivered to the next process. Idempotent. */
  async close(): Promise<void> {
    await this.#lastAppend.catch(() => undefined)
    await this.#sync.close()
    for (const segment of this.#segments) {
      if (segment.waiting === 0) await segment.remove()
      else await segment.close()
    }
    this.#segments = []
    await this.#owner.close()
  }

  async #append(lines: Buffer): Promise<void> {
    try {
      await this.#appendOnce(lines)
    } catch (error) {
      // The file is gone: another process took it over and delivers what was in it.
      if (codeOf(error) !== 'ENOENT') throw error
      await this.#appendOnce(lines)
    }
  }

  async #appendOnce(lines: Buffer): Promise<void> {
    const segment = await this.#writable()
    try {
      await segment.append(lines)
      if (segment.size >= this.#segmentBytes) segment.seal()
    } catch (error) {
      // Part of the lines may be there. What was appended before them stays good.
      segment.seal()
      if (segment.size === 0) await this.#drop(segment).catch(() => undefined)
      throw error
    } finally {
      this.#unsynced.add(segment)
      this.#sync.soon()
    }
  }

  async #syncWritten(): Promise<void> {
    const written = [...this.#unsynced]
    this.#unsynced.clear()
    await Promise.all(written.map((segment) => segment.sync()))
  }

  async #writable(): Promise<SpoolSegment> {
    const last = this.#segments.at(-1)
    if (last !== undefined && !last.isSealed) return last
    const segment = await SpoolSegment.create(this.#owner.nextSegment())
    this.#segments.push(segment)
    return segment
  }

  async #read(segment: SpoolSegment, limit: number): Promise<SpooledBatch | undefined> {
    try {
      const { lines, end } = await segment.read(limit)
      if (lines.length === 0) return undefined
      const parsed = lines.map((line) => ({ line, record: recordOf(line) }))
      const corrupt = parsed.filter(({ record }) => record === undefined).map(({ line }) => line)
      if (corrupt.length > 0) await this.refuse(corrupt)
      const records = parsed.flatMap(({ record }) => record ?? [])
      return { records, segment, end }
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      this.#logger.warn('a spool segment was taken over by another process')
      segment.markDelivered(segment.size)
      return undefined
    }
  }

  async #drop(segment: SpoolSegment): Promise<void> {
    this.#segments = this.#segments.filter((other) => other !== segment)
    await segment.remove()
  }
}

function recordOf(line: string): StoredRecord | undefined {
  try {
    return storedRecordSchema.safeParse(JSON.parse(line)).data
  } catch {
    return undefined
  }
}
