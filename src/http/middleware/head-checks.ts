import type { RequestHandler } from 'express'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { IsAllowedOrigin } from './cors.ts'

const MAX_FIELDS = 100
/** Fields of which Node takes the first where a proxy may have looked at the last (RFC 9112 §3.2, RFC 9110 §5.3). */
const ONCE = ['host', 'authorization', 'content-type']
const LENGTHS = new Set(ONCE.map(({ length }) => length))

/**
 * Refuses requests whose `Host` header or target names another host: the protection against DNS rebinding that MCP
 * requires of HTTP servers. Ports do not matter.
 * @param allowedHosts host names, without ports; IPv6 in brackets
 */
export function hostCheck(allowedHosts: readonly string[]): RequestHandler {
  const isAllowed = allowedHost(allowedHosts)
  return ({ headers: { host }, url }, _response, next) => {
    if (!isAllowed(host)) throw notServed(`Host header ${shown(host)}`)
    if (isAbsolute(url) && !isAllowed(authorityOf(url))) throw notServed(`request target ${shown(url)}`)
    next()
  }
}

function notServed(what: string): GatewayError {
  const message = `The ${what} is not allowed; ALLOWED_HOSTS lists the hosts that this gateway serves`
  return new GatewayError('host_not_allowed', message)
}

/** A request target with a host, which takes precedence over the header (RFC 9112 §3.2.2). */
function isAbsolute(target: string): boolean {
  return !target.startsWith('/') && target !== '*'
}

/** The host and port of a target; undefined if it is not a valid URL. */
function authorityOf(target: string): string | undefined {
  return URL.canParse(target) ? new URL(target).host : undefined
}

/** Makes the test of the header `Host`. */
export function allowedHost(allowedHosts: readonly string[]): (host: string | undefined) => boolean {
  const hosts = new Set(allowedHosts.map((host) => host.toLowerCase()))
  // Almost all requests have the same one.
  let last: string | undefined
  return (host) => {
    if (host !== undefined && host === last) return true
    if (!hosts.has(hostName(`http://${host ?? ''}`))) return false
    last = host
    return true
  }
}

/** Refuses requests of pages whose `Origin` is not allowed, for the same reason. */
export function originCheck(isAllowed: IsAllowedOrigin): RequestHandler {
  return ({ headers: { origin } }, _response, next) => {
    if (origin !== undefined && !isAllowed(origin))
      throw new GatewayError(
        'host_not_allowed',
        `The Origin header ${shown(origin)} is not allowed; ALLOWED_ORIGINS lists the origins that this gateway accepts`,
      )
    next()
  }
}

/**
 * Makes the test of origins: the host must be the gateway's or an allowed one; scheme and port do not matter.
 * @param options host names, without ports; IPv6 in brackets
 */
export function allowedOrigins(options: {
  allowedHosts: readonly string[]
  allowedOrigins: readonly string[]
}): IsAllowedOrigin {
  const hosts = new Set(
    [...options.allowedHosts, ...options.allowedOrigins].map((host) => host.toLowerCase()),
  )
  return (origin) => hosts.has(hostName(origin))
}

/** The host name of a URL; empty if it is not valid. */
function hostName(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : ''
}

function shown(value: string | undefined): string {
  return value === undefined ? 'is missing and' : JSON.stringify(value.slice(0, 128))
}

/** Refuses requests with more header fields than any client sends, and those that repeat `Host` or another unique field. */
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
    // The length rules most names out.
    const at = LENGTHS.has(field.length) ? ONCE.indexOf(field.toLowerCase()) : -1
    if (at < 0) continue
    if ((seen & (1 << at)) !== 0)
      return new GatewayError('invalid_request', `The request has the header ${ONCE[at] ?? ''} twice`)
    seen |= 1 << at
  }
  return undefined
}
