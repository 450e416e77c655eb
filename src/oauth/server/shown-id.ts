import { randomBytes } from 'node:crypto'

const BYTES = 24

/**
 * A random id that people paste into commands: it begins with its kind, because a command takes what begins with a hyphen
 * for an option.
 */
export function shownId(kind: 'client' | 'grant'): string {
  return `${kind}_${randomBytes(BYTES).toString('base64url')}`
}
