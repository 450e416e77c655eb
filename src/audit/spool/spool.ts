import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../domain/clock.ts'
import { makePrivateDirectory } from '../../files/private-file.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { codeOf } from '../thrown-code.ts'
import { isIntact } from '../record-line.ts'
import { RecordLines } from '../record-lines.ts'
import { DeferredSync } from './deferred-sync.ts'
import { quarantine } from './quarantine.ts'
import { type NextLines, Segment } from './segment.ts'
import { REFUSED_FILE, segmentFile, segmentsIn } from './segment-files.ts'

const SEGMENT_BYTES = 1024 * 1024
/** A segment is deleted as a whole, so that a full spool must have several. */
const SEGMENTS_OF_LIMIT = 4

/** Where a `Spool` keeps records, and how many bytes it may use. */
export interface SpoolOptions {
  /** A folder for the spool alone, of a data directory that one process uses at a time. */
  readonly dir: string
  /** Bytes on disk from which on the spool counts as full. */
  readonly limitBytes: number
  /** Bytes from which on a segment is not written any further; 1 MiB by default, and at most a quarter of the limit. */
  readonly segmentBytes?: number
  readonly clock: Clock
  readonly logger: Logger
}

/** Records of the spool, each a line of `lineOf`, in the order they came. */
export interface SpooledBatch {
  readonly lines: RecordLines
  readonly segment: Segment
  readonly end: number
}

/**
 * The log of usage records on disk, on their way to a store: lines in segments (mode 0600), those of earlier processes
 * first. A record is returned until it is marked as delivered, and again after a restart while its segment exists: the
 * store must accept a record twice and keep it once.
 */
export class Spool {
  /** Whether nothing new should be started whose record would have to go here. */
  isFull = false
  readonly #dir: string
  readonly #limitBytes: number
  readonly #segmentBytes: number
  readonly #logger: Logger
  readonly #sync: DeferredSync
  /** Oldest first; only the last one may still be written. */
  #segments: Segment[]
  #lastNumber: number
  #diskBytes = 0
  #waitingBytes: number
  #appendedBytes: number
  /** Resolves once the segments dropped so far are deleted. */
  #removed: Promise<unknown> = Promise.resolve()

  private constructor(
    options: SpoolOptions,
    { segments, lastNumber }: { segments: Segment[]; lastNumber: number },
  ) {
    this.#dir = options.dir
    this.#limitBytes = options.limitBytes
    this.#segmentBytes = Math.min(
      options.segmentBytes ?? SEGMENT_BYTES,
      options.limitBytes / SEGMENTS_OF_LIMIT,
    )
    this.#logger = options.logger
    this.#sync = new DeferredSync({
      ...options,
      sync: async () => void (await Promise.all(this.#segments.map((segment) => segment.sync()))),
    })
    this.#segments = segments
    this.#lastNumber = lastNumber
    const left = segments.reduce((sum, { size }) => sum + size, 0)
    this.#waitingBytes = this.#appendedBytes = left
    this.#occupy(left)
    if (left > 0)
      this.#logger.info({ bytes: left }, 'usage records of an earlier process are delivered first')
  }

  /** Opens the spool with what earlier processes left. @throws Error when the folder cannot be used */
  static async open(options: SpoolOptions): Promise<Spool> {
    await makePrivateDirectory(options.dir)
    const { segments, lastNumber, outdated } = segmentsIn(await readdir(options.dir))
    await Promise.all(outdated.map((name) => rm(join(options.dir, name), { force: true })))
    const found = await Promise.all(segments.map((name) => Segment.find(join(options.dir, name))))
    const { empty = [], filled = [] } = Object.groupBy(found, ({ size }) => (size === 0 ? 'empty' : 'filled'))
    // A process that was killed before its first line leaves an empty segment.
    await Promise.all(empty.map((segment) => segment.remove()))
    return new Spool(options, { segments: filled, lastNumber })
  }

  /** Bytes of records that are not delivered yet. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Bytes of all records so far, those of earlier processes included. */
  get appendedBytes(): number {
    return this.#appendedBytes
  }

  /**
   * Resolves once the kernel has the lines; they are on the disk a moment later. A full spool takes them too: their
   * calls were let in before it was full. One at a time.
   * @throws Error when the disk is full or fails; part of the lines may be there
   */
  async append(lines: Buffer): Promise<void> {
    const segment = await this.#writable()
    try {
      await segment.append(lines)
    } catch (error) {
      if (segment.size === 0) await this.#drop(segment)
      throw error
    } finally {
      this.#sync.soon()
    }
    this.#appendedBytes += lines.length
    this.#waitingBytes += lines.length
    this.#occupy(lines.length)
    if (segment.size >= this.#segmentBytes) segment.seal()
  }

  /** The oldest records that are not delivered, at most `limit`; undefined if there are none. One at a time. */
  async next(limit: number): Promise<SpooledBatch | undefined> {
    for (let segment = this.#segments[0]; segment !== undefined; segment = this.#segments[0]) {
      const { lines, end, isFromDisk } = await this.#read(segment, limit)
      if (lines.count > 0) return { lines: isFromDisk ? await this.#intact(lines) : lines, segment, end }
      if (!segment.isSealed) return undefined
      await this.#drop(segment)
    }
    return undefined
  }

  /** The records of the batch are in the store and need not be given out again. */
  async markDelivered({ segment, end }: SpooledBatch): Promise<void> {
    this.#waitingBytes -= segment.waiting
    segment.markDelivered(end)
    this.#waitingBytes += segment.waiting
    if (segment.isSealed && segment.waiting === 0) await this.#drop(segment)
  }

  /** Quarantines lines that no store will take. */
  async refuse(lines: readonly string[]): Promise<void> {
    const file = join(this.#dir, REFUSED_FILE)
    this.#occupy(await quarantine(file, lines))
    this.#logger.error(
      { count: lines.length, file },
      'quarantined usage records that the store permanently rejects',
    )
  }

  /** Leaves what is not delivered to the next process. Idempotent. */
  async close(): Promise<void> {
    await this.#sync.close()
    await this.#removed
    const segments = this.#segments
    this.#segments = []
    await Promise.all(segments.map((segment) => (segment.waiting === 0 ? segment.remove() : segment.close())))
  }

  #occupy(bytes: number): void {
    this.#diskBytes += bytes
    this.isFull = this.#diskBytes >= this.#limitBytes
  }

  async #writable(): Promise<Segment> {
    const last = this.#segments.at(-1)
    if (last !== undefined && !last.isSealed) return last
    const segment = await Segment.create(join(this.#dir, segmentFile(this.#lastNumber + 1)))
    this.#lastNumber += 1
    // While the store is down there are many, and each would have as much in memory as on disk.
    this.#segments.at(-2)?.forgetRecent()
    this.#segments.push(segment)
    return segment
  }

  /** Says why, where a sealed segment has no whole line any more that could be read. */
  async #read(segment: Segment, limit: number): Promise<NextLines> {
    try {
      const chunk = await segment.read(limit)
      if (chunk.lines.count === 0 && segment.isSealed && segment.waiting > 0)
        this.#logger.warn({ bytes: segment.waiting }, 'dropped a partial record left by a crashed writer')
      return chunk
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      const facts = { bytes: segment.waiting }
      this.#logger.error(facts, 'usage records in the spool were removed before they were delivered')
      return { lines: RecordLines.of([]), end: 0, isFromDisk: true }
    }
  }

  async #intact(lines: RecordLines): Promise<RecordLines> {
    const all = lines.strings()
    const damaged = all.filter((line) => !isIntact(line))
    if (damaged.length === 0) return lines
    await this.refuse(damaged)
    return RecordLines.of(all.filter((line) => !damaged.includes(line)))
  }

  async #drop(segment: Segment): Promise<void> {
    this.#waitingBytes -= segment.waiting
    this.#occupy(-segment.size)
    this.#segments = this.#segments.filter((other) => other !== segment)
    const removal = segment.remove()
    this.#removed = Promise.allSettled([this.#removed, removal])
    await removal
  }
}
