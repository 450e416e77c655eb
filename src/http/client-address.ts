import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { type Destination, holdsAddress } from '../domain/outbound/destination.ts'

/** How many proxies are in front of the gateway, or at which addresses; undefined: there is none whose word counts. */
export type TrustedProxies = number | readonly Destination[] | undefined

declare module 'node:http' {
  interface IncomingMessage {
    /** Who sent it; where a trusted proxy did, whom that names. Undefined where the connection is gone. */
    clientAddress?: string | undefined
  }
}

const MAX_HOPS = 10

/**
 * Finds who sent a request, as `trust proxy` of Express does: from the connection on, each trusted proxy is believed who came to
 * it, which is the last name in `X-Forwarded-For` that nobody has answered for yet. What is no address ends the search.
 */
export function clientAddressOf(trusted: TrustedProxies): (request: IncomingMessage) => string | undefined {
  return ({ socket, headers }) => {
    let address = socket.remoteAddress
    let named = headers['x-forwarded-for']
    if (trusted === undefined || typeof named !== 'string') return address
    for (let hop = 0; hop < MAX_HOPS && isTrusted(trusted, address, hop); hop += 1) {
      const comma: number = named.lastIndexOf(',')
      const last = named.slice(comma + 1).trim()
      // A zone is of one machine only, and may be any text.
      if (isIP(last) === 0 || last.includes('%')) return address
      address = last
      named = named.slice(0, Math.max(0, comma))
    }
    return address
  }
}

function isTrusted(trusted: number | readonly Destination[], address = '', hop: number): boolean {
  if (typeof trusted === 'number') return hop < trusted
  return trusted.some((network) => holdsAddress(network, address, 0))
}
