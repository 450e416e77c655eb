import type { RequestHandler } from 'express'
import { Allowances } from '../../calls/limits/allowances.ts'
import { networkOf } from '../../domain/text/client-network.ts'
import type { Clock } from '../../domain/clock.ts'

const MINUTE = 60_000
/** Behind a proxy that is not trusted all clients have one address. */
const REGISTRATIONS = { calls: 60, perMs: 10 * MINUTE }
const ALL_REGISTRATIONS = { calls: 600, perMs: 60 * MINUTE }
const REQUESTS = { calls: 1200, perMs: MINUTE }
const MAX_ADDRESSES = 10_000

/** How often anonymous callers may send expensive requests. */
export interface RequestLimits {
  readonly registrations: RequestHandler
  /** Each endpoint has a separate limit, so that requests to one do not block another. */
  readonly authorizations: RequestHandler
  readonly tokens: RequestHandler
  readonly revocations: RequestHandler
}

/** Limits by address (with IPv6 by network), and for registrations, which leave something behind, also for all together. */
export function requestLimits(clock: Clock): RequestLimits {
  const allowances = new Allowances({ clock, maxKeys: MAX_ADDRESSES })
  const limit = (
    name: string,
    terms: readonly { key: 'address' | 'all'; calls: number; perMs: number }[],
  ): RequestHandler => {
    return (request, response, next) => {
      const address = networkOf(request.clientAddress)
      const wanted = terms.map(({ key, ...term }) => ({
        ...term,
        key: key === 'all' ? name : `${name} ${address}`,
        commonKey: `${name} others`,
      }))
      const refused = allowances.take(wanted)
      if (refused === undefined) return next()
      response.setHeader('Retry-After', String(Math.ceil(refused.retryAfterMs / 1000)))
      response
        .status(429)
        .json({ error: 'temporarily_unavailable', error_description: 'too many requests; try again later' })
    }
  }
  return {
    registrations: limit('registrations', [
      { key: 'address', ...REGISTRATIONS },
      { key: 'all', ...ALL_REGISTRATIONS },
    ]),
    authorizations: limit('authorizations', [{ key: 'address', ...REQUESTS }]),
    tokens: limit('tokens', [{ key: 'address', ...REQUESTS }]),
    revocations: limit('revocations', [{ key: 'address', ...REQUESTS }]),
  }
}
