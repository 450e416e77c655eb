import { createHmac, hash } from 'node:crypto'

const BLOCK_BYTES = 64
const HASH_BYTES = 32
/** UTF-16 code units of a text that is hashed in one piece. */
const SHORT_LENGTH = 2048
const MAX_BYTES_PER_UNIT = 3
const INNER_PAD = 0x36
const OUTER_PAD = 0x5c

/**
 * Makes the function that computes the HMAC-SHA-256 of a text under a key, in hexadecimal. A short text costs two
 * hashes in one piece (RFC 2104), less than half of what an `Hmac` object costs.
 */
export function hmacSha256(key: Uint8Array): (text: string) => string {
  const inner = padded(key, INNER_PAD, SHORT_LENGTH * MAX_BYTES_PER_UNIT)
  const outer = padded(key, OUTER_PAD, HASH_BYTES)
  return (text) => {
    if (text.length > SHORT_LENGTH) return createHmac('sha256', key).update(text).digest('hex')
    const end = BLOCK_BYTES + inner.write(text, BLOCK_BYTES)
    // As a string of bytes, which costs half of what a `Buffer` does.
    outer.write(hash('sha256', inner.subarray(0, end), 'binary'), BLOCK_BYTES, 'binary')
    return hash('sha256', outer, 'hex')
  }
}

/** The block of a key, and room for what is hashed behind it. */
function padded(key: Uint8Array, pad: number, roomBytes: number): Buffer {
  const short = key.length > BLOCK_BYTES ? hash('sha256', key, 'buffer') : key
  const block = Buffer.alloc(BLOCK_BYTES)
  block.set(short)
  return Buffer.concat([block.map((byte) => byte ^ pad), Buffer.alloc(roomBytes)])
}
