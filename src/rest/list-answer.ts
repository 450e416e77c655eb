import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, crc32, deflateRaw } from 'node:zlib'
import type { Request, Response } from 'express'

/** A shorter text is not worth what its compression costs. */
const LEAST_BYTES = 4096
/** What a block of deflate holds that is not compressed (RFC 1951 §3.2.4). */
const BLOCK_BYTES = 0xffff
/** Method deflate, no name, no time, unknown system (RFC 1952 §2.3). */
const GZIP_HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])
const FINAL_STORED = 1

const deflate = promisify<Buffer, { finishFlush: number }, Buffer>(deflateRaw)

/** A list as JSON, in two parts. */
export interface ListText {
  /** Its beginning, the same bytes in memory for all answers that share it. */
  readonly shared: Buffer
  /** Its end, of this answer alone. */
  readonly own: string
  /** Whether the beginning stays in memory, so that what is made from it is made once. */
  readonly isKept: boolean
}

/** Answers with lists: `304` where the caller has the list already, and compressed where the caller accepts gzip. */
export class ListAnswers {
  readonly #gzip = new SharedGzip()
  readonly #digests = new WeakMap<Buffer, string>()

  /**
   * Answers a request with a list, or with 304 (RFC 9110 §13.1.2). HTTP caches store no answer of the gateway: a program keeps the
   * list and its entity tag itself.
   */
  async send(request: Request, response: Response, list: ListText): Promise<void> {
    const { shared, own, isKept } = list
    response.vary('Accept-Encoding').set('ETag', `W/"${this.#digestOf(shared)}-${digestOf(own)}"`)
    if (request.fresh) return void response.status(304).end()
    const acceptsGzip = request.acceptsEncodings('gzip', 'identity') === 'gzip'
    const compressed = isKept && acceptsGzip ? await this.#gzip.of(shared, own) : undefined
    if (compressed !== undefined) response.set('Content-Encoding', 'gzip')
    response.type('application/json').send(compressed ?? Buffer.concat([shared, Buffer.from(own)]))
  }

  #digestOf(shared: Buffer): string {
    let digest = this.#digests.get(shared)
    if (digest === undefined) {
      digest = digestOf(shared)
      this.#digests.set(shared, digest)
    }
    return digest
  }
}

interface Deflated {
  /** Blocks of deflate without the last one. */
  readonly bytes: Buffer
  readonly crc: number
}

/** Compresses texts that begin with the same long part: that part once. */
export class SharedGzip {
  readonly #deflated = new WeakMap<Buffer, Promise<Deflated | undefined>>()
  #isBusy = false

  /**
   * A text as gzip (RFC 1952). Undefined for a short text, for a long end, and while another beginning is compressed: usage
   * records are written by the same few threads.
   */
  async of(shared: Buffer, own: string): Promise<Buffer | undefined> {
    const end = Buffer.from(own)
    if (shared.length < LEAST_BYTES || end.length > BLOCK_BYTES) return undefined
    let deflated = this.#deflated.get(shared)
    if (deflated === undefined) {
      if (this.#isBusy) return undefined
      deflated = this.#deflate(shared)
      this.#deflated.set(shared, deflated)
    }
    const made = await deflated
    return made && gzipOf(made, { sharedBytes: shared.length, end })
  }

  async #deflate(shared: Buffer): Promise<Deflated | undefined> {
    this.#isBusy = true
    try {
      const bytes = await deflate(shared, { finishFlush: constants.Z_SYNC_FLUSH })
      return { bytes, crc: crc32(shared) }
    } catch {
      // Without memory for it there is the text itself, and another attempt later.
      this.#deflated.delete(shared)
      return undefined
    } finally {
      this.#isBusy = false
    }
  }
}

/** The compressed beginning, and behind it an end in a block that is not compressed. */
function gzipOf(
  { bytes, crc }: Deflated,
  { sharedBytes, end }: { sharedBytes: number; end: Buffer },
): Buffer {
  const block = Buffer.alloc(5)
  block[0] = FINAL_STORED
  block.writeUInt16LE(end.length, 1)
  block.writeUInt16LE(BLOCK_BYTES - end.length, 3)
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(end, crc), 0)
  trailer.writeUInt32LE(sharedBytes + end.length, 4)
  return Buffer.concat([GZIP_HEAD, bytes, block, end, trailer])
}

function digestOf(text: Buffer | string): string {
  return hash('sha256', text, 'base64url').slice(0, 22)
}
