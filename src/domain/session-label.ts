import { hash } from 'node:crypto'

const LENGTH = 12

/** A name of a session for people: always the same for one session, and of no use to whoever wants to join it. */
export function sessionLabel(id: string): string {
  return hash('sha256', id, 'base64url').slice(0, LENGTH)
}
