import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { GatewayError } from '../../domain/errors/errors.ts'

/**
 * Refuses a write that does not come from a page of this gateway: it has the token of the session, in its form or in
 * its header, and browsers that say where a request comes from say that it is of the same origin.
 * @throws GatewayError `forbidden`
 */
export function checkSameSite(headers: IncomingHttpHeaders, form: URLSearchParams, csrfToken: string): void {
  const site = headers['sec-fetch-site']
  const isForeign = site !== undefined && site !== 'same-origin'
  const given = headers['x-csrf-token'] ?? form.get('csrf')
  if (isForeign || typeof given !== 'string' || !isSame(given, csrfToken))
    throw new GatewayError(
      'forbidden',
      'The form was not sent from a page of this session; load the page again',
    )
}

function isSame(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
