import { createHmac } from 'node:crypto'

const NAME = 'tool-gateway'
/** As much of the header as is read; each gateway on the way adds about 40 characters. */
const MAX_LENGTH = 1024

/**
 * This gateway's own entry in the header `via` (RFC 9110 §7.6.3), by which it knows its own requests again. All replicas
 * with one key have the same.
 */
export function viaOf(key: Uint8Array): string {
  return `1.1 ${NAME}-${createHmac('sha256', key).update('via').digest('hex').slice(0, 16)}`
}

/** Whether a value of the header names that entry. */
export function isVia(header: string | undefined, own: string): boolean {
  return header !== undefined && header.slice(0, MAX_LENGTH).includes(own)
}
