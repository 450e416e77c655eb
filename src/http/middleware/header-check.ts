import type { RequestHandler } from 'express'
import { GatewayError } from '../../domain/errors/errors.ts'

const MAX_FIELDS = 100
/** Fields of which Node takes the first where a proxy may have looked at the last (RFC 9112 §3.2, RFC 9110 §5.3). */
const ONCE = ['host', 'authorization', 'content-type']
const LENGTHS = new Set(ONCE.map(({ length }) => length))

/** Refuses requests with more header fields than any client sends, and those that say twice who asks for what. */
export const headerCheck: RequestHandler = ({ rawHeaders }, _response, next) => {
  const problem = headerProblem(rawHeaders)
  if (problem !== undefined) throw problem
  next()
}

/** What is wrong with the header fields of a request, if anything. */
export function headerProblem(rawHeaders: readonly string[]): GatewayError | undefined {
  const fields = rawHeaders.length / 2
  if (fields > MAX_FIELDS)
    return new GatewayError(
      'too_many_headers',
      `The request has ${fields} header fields; at most ${MAX_FIELDS} are read`,
    )
  let seen = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const field = rawHeaders[index] ?? ''
    // Of most names the length says enough.
    const at = LENGTHS.has(field.length) ? ONCE.indexOf(field.toLowerCase()) : -1
    if (at < 0) continue
    if ((seen & (1 << at)) !== 0)
      return new GatewayError('invalid_request', `The request has the header ${ONCE[at] ?? ''} twice`)
    seen |= 1 << at
  }
  return undefined
}
