import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import {
  addressProblem,
  type OutboundPolicy,
  type Target,
  targetOf,
  targetProblem,
} from '../domain/outbound/outbound-policy.ts'
import { OutboundRefused } from './outbound-refused.ts'
import { readInPieces } from './read-in-pieces.ts'

/** Finds all addresses of a host name. */
export type Resolve = (
  host: string,
  done: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void

/** The addresses that the system finds. */
const systemResolve: Resolve = (host, done) => systemLookup(host, { all: true }, done)

/** Certificates that count in addition to those of the system. */
export interface ConnectorOptions {
  readonly resolve?: Resolve
  readonly ca?: string | undefined
}

/**
 * Opens connections for undici: each one is checked against the policy when its host has been looked up, and goes to
 * one of the addresses that were checked. One address that is not allowed refuses the host, because that is how a name
 * is made to lead elsewhere later.
 */
export function checkedConnector(
  policy: OutboundPolicy,
  options: ConnectorOptions = {},
): buildConnector.connector {
  const { resolve = systemResolve, ca } = options
  /** By scheme and port, which a lookup is not told. */
  const connectors = new Map<string, buildConnector.connector>()
  const connectorOf = (target: Target): buildConnector.connector => {
    const key = `${target.isSecure} ${target.port}`
    const known = connectors.get(key)
    if (known !== undefined) return known
    const lookup = checkedLookup(target, policy, resolve)
    const made = buildConnector({ lookup, allowH2: false, ...(ca !== undefined && { ca }) })
    connectors.set(key, made)
    return made
  }
  return (wanted, done) => {
    const { protocol, hostname, port } = wanted
    const host = isIP(hostname) === 6 ? `[${hostname}]` : hostname
    const target = targetOf(new URL(`${protocol}//${host}${port === '' ? '' : `:${port}`}`))
    const problem = targetProblem(target, policy)
    if (problem !== undefined) return process.nextTick(() => done(new OutboundRefused(problem), null))
    connectorOf(target)(wanted, (error, socket) => {
      if (error !== null) return done(error, null)
      readInPieces(socket)
      done(null, socket)
    })
  }
}

function checkedLookup({ port, isSecure }: Target, policy: OutboundPolicy, resolve: Resolve): LookupFunction {
  return (hostname, { all, family }, done) => {
    resolve(hostname, (error, addresses) => {
      if (error !== null) return done(error, '')
      const target = targetOf(new URL(`${isSecure ? 'https' : 'http'}://${hostname}:${port}`))
      const problem = problemOf(addresses, target, policy)
      if (problem !== undefined) return done(new OutboundRefused(problem), '')
      const wanted = addresses.filter((each) => !family || each.family === familyOf(family))
      const [first] = wanted
      if (first === undefined) return done(notFound(hostname), '')
      if (all === true) done(null, [...wanted])
      else done(null, first.address, first.family)
    })
  }
}

function problemOf(
  addresses: readonly LookupAddress[],
  target: Target,
  policy: OutboundPolicy,
): string | undefined {
  for (const { address } of addresses) {
    const problem = addressProblem(address, target, policy)
    if (problem !== undefined) return problem
  }
  return undefined
}

function familyOf(family: number | 'IPv4' | 'IPv6'): number {
  if (typeof family === 'number') return family
  return family === 'IPv4' ? 4 : 6
}

function notFound(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND', syscall: 'getaddrinfo' })
}
