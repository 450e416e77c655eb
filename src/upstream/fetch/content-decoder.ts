import type { Transform } from 'node:stream'
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from 'node:zlib'

// Each chunk as soon as it can be read, and a body that ends early as far as it goes, as `fetch` has it.
const ZLIB = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH }
const BROTLI = { flush: constants.BROTLI_OPERATION_FLUSH, finishFlush: constants.BROTLI_OPERATION_FLUSH }
const ZSTD = { flush: constants.ZSTD_e_flush, finishFlush: constants.ZSTD_e_flush }

/** The content codings of HTTP that are read, by name (RFC 9110 §8.4.1). */
const DECODERS = new Map<string, () => Transform>([
  ['gzip', () => createGunzip(ZLIB)],
  ['x-gzip', () => createGunzip(ZLIB)],
  ['deflate', () => createInflate(ZLIB)],
  ['br', () => createBrotliDecompress(BROTLI)],
  ['zstd', () => createZstdDecompress(ZSTD)],
])

/** What a decoder reports. */
interface Decoding {
  readonly onData: (chunk: Buffer) => void
  /** It takes more again, after its `write` returned false. */
  readonly onDrain: () => void
  readonly onEnd: () => void
  readonly onFailure: (error: Error) => void
}

/** Decodes bodies with the content coding of that name; undefined for an unknown one. */
export function decoderOf(coding: string): Transform | undefined {
  return DECODERS.get(coding.trim().toLowerCase())?.()
}

/** Starts to decode a body whose content coding has the given name; undefined for an unknown one. */
export function startDecoder(coding: string, decoding: Decoding): Transform | undefined {
  return decoderOf(coding)
    ?.on('data', decoding.onData)
    .on('drain', decoding.onDrain)
    .on('end', decoding.onEnd)
    .on('error', decoding.onFailure)
}
