import type { RequestHandler } from 'express'
import { GatewayError } from '../domain/errors.ts'

/**
 * Refuses requests whose `Host`, or whose `Origin` where there is one, is not ours: the protection against DNS
 * rebinding that MCP requires of HTTP servers. Ports do not matter.
 * @param options host names, without ports; IPv6 in brackets
 */
export function hostCheck(options: {
  allowedHosts: readonly string[]
  allowedOrigins: readonly string[]
}): RequestHandler {
  const hosts = new Set(options.allowedHosts.map((host) => host.toLowerCase()))
  const origins = new Set(
    [...options.allowedHosts, ...options.allowedOrigins].map((host) => host.toLowerCase()),
  )
  return (request, _response, next) => {
    const { host, origin } = request.headers
    if (!hosts.has(hostName(`http://${host ?? ''}`)))
      throw new GatewayError('host_not_allowed', 'The Host header is not one of this gateway')
    if (origin !== undefined && !origins.has(hostName(origin))) {
      throw new GatewayError('host_not_allowed', 'The Origin header is not one that this gateway accepts')
    }
    next()
  }
}

/** The host name of a URL, or the empty text for what is none. */
function hostName(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : ''
}
