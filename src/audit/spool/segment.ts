import { statSync, write } from 'node:fs'
import { type FileHandle, open, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { linesIn, RecordLines } from '../record-lines.ts'
import { codeOf } from '../thrown-code.ts'
import { type Chunk, RecentLines } from './recent-lines.ts'

const CHUNK_BYTES = 256 * 1024
const RECENT_BYTES = 1024 * 1024

/** Lines of a segment that are delivered next. */
export interface NextLines extends Chunk {
  /** Not as they were appended: a disk may have damaged them. */
  readonly isFromDisk: boolean
}

/** A file of lines that grows until it is sealed. It is open while it grows and while it is read. */
export class Segment {
  readonly #path: string
  #file: FileHandle | undefined
  /** Bytes whose lines are written; what a failed append left behind them does not count. */
  #size: number
  #delivered = 0
  readonly #recent = new RecentLines({ limitBytes: RECENT_BYTES })
  #isSealed: boolean
  #appending: Promise<void> | undefined
  #isSynced = true
  /** Its name is on the disk. */
  #isNamed = false
  #isClosed = false

  private constructor(path: string, size: number, file?: FileHandle) {
    this.#path = path
    this.#size = size
    this.#file = file
    this.#isSealed = file === undefined
  }

  /** A new file, for this user only. */
  static async create(path: string): Promise<Segment> {
    return new Segment(path, 0, await open(path, 'ax+', 0o600))
  }

  /** A file that an earlier process left. */
  static async find(path: string): Promise<Segment> {
    return new Segment(path, (await stat(path)).size)
  }

  get size(): number {
    return this.#size
  }

  /** Bytes that are not delivered yet. */
  get waiting(): number {
    return this.#size - this.#delivered
  }

  get isSealed(): boolean {
    return this.#isSealed
  }

  /** Resolves once the kernel has the lines. @throws Error when that is not sure; it is sealed then */
  async append(lines: Buffer): Promise<void> {
    if (this.#file === undefined || this.#isSealed) throw new Error('the segment is sealed')
    this.#appending = written(this.#file.fd, lines)
    try {
      await this.#appending
      this.#size += lines.length
      this.#recent.append(lines)
    } catch (error) {
      this.seal()
      throw error
    } finally {
      // Now, and not before: a sync that is under way need not have all of it.
      this.#isSynced = false
    }
  }

  /**
   * Brings what was appended to the disk. A file that was removed is sealed: what was appended can still be read, and
   * what comes needs a file that outlives this process.
   * @throws Error when it is not on the disk
   */
  async sync(): Promise<void> {
    const isLast = this.#isSealed
    if (this.#isSynced || this.#file === undefined) return
    this.#isSynced = true
    await this.#file.datasync()
    if (!this.#isNamed) await syncDirectory(dirname(this.#path))
    this.#isNamed = true
    if (!isThere(this.#path) && !this.#isClosed) {
      this.seal()
      throw new Error(`${this.#path} was removed; a killed gateway would lose its records`)
    }
    if (isLast) await this.#closeFile()
  }

  /** Ends appending. */
  seal(): void {
    this.#isSealed = true
  }

  /**
   * Up to `limit` whole lines that are not delivered; none when only a torn last line is left, or nothing.
   * @throws Error `ENOENT` when the file was removed
   */
  async read(limit: number): Promise<NextLines> {
    const recent = this.#recent.read(this.#delivered, limit)
    if (recent !== undefined) return { ...recent, isFromDisk: false }
    return { ...(await this.#readFile(limit)), isFromDisk: true }
  }

  markDelivered(end: number): void {
    this.#delivered = Math.max(this.#delivered, end)
    this.#recent.forget(this.#delivered)
  }

  /** Releases the lines in memory: they are read from the file when they are delivered. */
  forgetRecent(): void {
    this.#recent.forget()
  }

  /** Closes the file and leaves it where it is. Idempotent. */
  async close(): Promise<void> {
    this.seal()
    this.#isClosed = true
    this.#recent.forget()
    await this.#closeFile()
  }

  /** Closes and deletes the file. */
  async remove(): Promise<void> {
    await this.close()
    await unlink(this.#path).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error
    })
  }

  async #readFile(limit: number): Promise<Chunk> {
    const start = this.#delivered
    for (let bytes = CHUNK_BYTES; ; bytes *= 2) {
      const length = Math.min(bytes, this.#size - start)
      const read = await this.#bytes(start, length)
      const { count, end } = linesIn(read, limit)
      if (count > 0 || length < bytes)
        return { lines: new RecordLines([read.subarray(0, end)], count), end: start + end }
    }
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    // Its number may be another file's as soon as it is closed.
    await this.#appending?.catch(() => undefined)
    await file?.close()
  }

  async #bytes(start: number, length: number): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0)
    if (this.#isClosed) throw new Error('the segment is closed')
    this.#file ??= await open(this.#path, 'r')
    const { buffer, bytesRead } = await this.#file.read(Buffer.allocUnsafe(length), 0, length, start)
    return buffer.subarray(0, bytesRead)
  }
}

/** Half the cost of `appendFile`, once for each batch of records that callers wait for. */
function written(fd: number, bytes: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const writeFrom = (start: number): void =>
    write(fd, bytes, start, (error, count) => {
      if (error !== null) reject(error)
      else if (start + count < bytes.length) writeFrom(start + count)
      else resolve()
    })
  writeFrom(0)
  return promise
}

/**
 * Asked just after the file was synced, so that no slow disk holds it up, and at a tenth of the cost of asking in
 * another thread.
 */
function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

/** Makes the names in a directory durable. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
