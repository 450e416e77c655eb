import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOf } from '../error-code.ts'

const CHUNK_BYTES = 256 * 1024
const NEWLINE = 0x0a

/** Lines of a segment, and where the next ones begin. */
export interface Chunk {
  readonly lines: readonly string[]
  readonly end: number
}

/**
 * A file of lines with one owner, which alone appends to it. When the owner seems dead, another process takes the file
 * over by renaming it before reading it. An owner that is alive after all finds the name gone after its next append,
 * and writes those lines to another file: in every order of events each line is in a file that is delivered.
 */
export class SpoolSegment {
  readonly #path: string
  /** Bytes whose lines are written; what a failed append left behind them does not count. */
  #size: number
  #delivered = 0
  /** Open until what was appended is on the disk. */
  #writing: FileHandle | undefined
  #isSealed: boolean
  /** Its name is on the disk. */
  #isNamed = false
  #reading: FileHandle | undefined

  private constructor(path: string, size: number, writing?: FileHandle) {
    this.#path = path
    this.#size = size
    this.#writing = writing
    this.#isSealed = writing === undefined
  }

  /** A new file, for this user only. */
  static async create(path: string): Promise<SpoolSegment> {
    return new SpoolSegment(path, 0, await open(path, 'ax', 0o600))
  }

  /** Takes over a file; undefined if another process was faster. */
  static async take(from: string, path: string): Promise<SpoolSegment | undefined> {
    try {
      await rename(from, path)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
    return new SpoolSegment(path, (await stat(path)).size)
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

  /**
   * Resolves once the kernel has the lines, in a file that bears its name.
   * @throws Error when that is not sure; nothing more may be appended then
   */
  async append(lines: Buffer): Promise<void> {
    if (this.#writing === undefined || this.#isSealed) throw new Error('the spool segment is sealed')
    await this.#writing.appendFile(lines)
    await stat(this.#path)
    this.#size += lines.length
  }

  /** Brings what was appended to the disk. @throws Error when that is not sure */
  async sync(): Promise<void> {
    const file = this.#writing
    if (file === undefined) return
    const isLast = this.#isSealed
    try {
      await file.datasync()
      if (!this.#isNamed) await syncDirectory(dirname(this.#path))
      this.#isNamed = true
    } finally {
      if (isLast) await this.#closeWriting()
    }
  }

  /** Ends appending. The next `sync()` is the last. */
  seal(): void {
    this.#isSealed = true
  }

  /** Up to `limit` whole lines that are not delivered; none when only a torn last line is left, or nothing. */
  async read(limit: number): Promise<Chunk> {
    const start = this.#delivered
    for (let bytes = CHUNK_BYTES; ; bytes *= 2) {
      const length = Math.min(bytes, this.#size - start)
      const chunk = linesOf(await this.#bytes(start, length), limit)
      if (chunk.lines.length > 0 || length < bytes) return { lines: chunk.lines, end: start + chunk.end }
    }
  }

  markDelivered(end: number): void {
    this.#delivered = Math.max(this.#delivered, end)
  }

  /** Closes the file and leaves it where it is, synced or not. Idempotent. */
  async close(): Promise<void> {
    this.seal()
    await this.#closeWriting()
    const file = this.#reading
    this.#reading = undefined
    await file?.close()
  }

  /** Closes and deletes the file. */
  async remove(): Promise<void> {
    await this.close()
    await unlink(this.#path).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error
    })
  }

  async #closeWriting(): Promise<void> {
    const file = this.#writing
    this.#writing = undefined
    await file?.close()
  }

  async #bytes(start: number, length: number): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0)
    this.#reading ??= await open(this.#path, 'r')
    const { buffer, bytesRead } = await this.#reading.read(Buffer.alloc(length), 0, length, start)
    return buffer.subarray(0, bytesRead)
  }
}

function linesOf(bytes: Buffer, limit: number): Chunk {
  const lines: string[] = []
  let end = 0
  for (let at = bytes.indexOf(NEWLINE); at !== -1 && lines.length < limit; at = bytes.indexOf(NEWLINE, end)) {
    lines.push(bytes.toString('utf8', end, at))
    end = at + 1
  }
  return { lines, end }
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
