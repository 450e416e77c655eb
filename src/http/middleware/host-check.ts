import type { RequestHandler } from 'express'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { IsAllowedOrigin } from './cors.ts'

/**
 * Refuses requests whose `Host`, or the host in whose target, is not ours: the protection against DNS rebinding that MCP
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

/** A request target that names a host of its own, which then counts instead of the header (RFC 9112 §3.2.2). */
function isAbsolute(target: string): boolean {
  return !target.startsWith('/') && target !== '*'
}

/** What the header `Host` would be; undefined for what is no address. */
function authorityOf(target: string): string | undefined {
  return URL.canParse(target) ? new URL(target).host : undefined
}

/** Makes the one test of the header `Host`. */
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
 * Makes the one test of origins: that of a host that is ours or allowed, with any scheme and port.
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

/** The host name of a URL, or the empty text for what is none. */
function hostName(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : ''
}

function shown(value: string | undefined): string {
  return value === undefined ? 'is missing and' : JSON.stringify(value.slice(0, 128))
}
