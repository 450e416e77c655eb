import { createHmac } from 'node:crypto'

const NAME = 'tool-gateway'
/** The part of the header that is read; each gateway on the way adds about 40 characters. */
const MAX_LENGTH = 1024

/**
 * This gateway's entry in the header `via` (RFC 9110 §7.6.3), by which it recognises its own requests. All replicas
 * with the same key have the same entry.
 */
export function viaOf(key: Uint8Array): string {
  return `1.1 ${NAME}-${createHmac('sha256', key).update('via').digest('hex').slice(0, 16)}`
}

/** Whether a value of the header contains that entry. */
export function isVia(header: string | undefined, own: string): boolean {
  return header !== undefined && header.slice(0, MAX_LENGTH).includes(own)
}
