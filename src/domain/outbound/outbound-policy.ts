import { isIP } from 'node:net'
import { isPublicAddress } from '../public-address.ts'
import { formsOf } from './address-forms.ts'
import { type Destination, holdsAddress, holdsHost, isExactly } from './destination.ts'
import { isMetadataName, isOwnMachine, isPrivateName, neverReached } from './reserved.ts'

/** Where the gateway may send requests whose address a third party names. */
export interface OutboundPolicy {
  /**
   * `public`: the Internet, over https; `private`: also private networks, over http too; `any`: also this machine.
   * Metadata services and link-local addresses are in none of them.
   */
  readonly addresses: 'public' | 'private' | 'any'
  /** What may be reached besides. */
  readonly allow: readonly Destination[]
  /** Ports at the Internet while `addresses` is `public`; empty: every port. */
  readonly ports: readonly number[]
  /** Whether the addresses are named by third parties, so that no setting allows more. */
  readonly isOfStrangers?: true
}

/** Where a connection is to be opened. */
export interface Target {
  readonly host: string
  readonly port: number
  readonly isSecure: boolean
}

/** The policy of whoever names only addresses of their own: everything but metadata services. */
export const ANYWHERE: OutboundPolicy = { addresses: 'any', allow: [], ports: [] }
/** The policy for addresses that third parties name: the Internet, over https, at any port. */
export const INTERNET_ONLY: OutboundPolicy = {
  addresses: 'public',
  allow: [],
  ports: [],
  isOfStrangers: true,
}

/** The policy for endpoints that a cluster names: as the operator's, and private networks in any case. */
export function withPrivateNetworks(policy: OutboundPolicy): OutboundPolicy {
  return policy.addresses === 'public' ? { ...policy, addresses: 'private' } : policy
}

/** The host, port and scheme of a URL, the host in lower case and without brackets and a dot at its end. */
export function targetOf({ hostname, port, protocol }: URL): Target {
  const isSecure = protocol === 'https:' || protocol === 'wss:'
  const host = hostname.toLowerCase().replaceAll(/^\[|\]$|\.$/g, '')
  return { host, port: port === '' ? defaultPort(isSecure) : Number(port), isSecure }
}

function defaultPort(isSecure: boolean): number {
  return isSecure ? 443 : 80
}

/**
 * Why nothing may be sent to a target, as far as that is known without looking up its name, as a sentence for operators
 * that names the setting; undefined if nothing is known against it.
 */
export function targetProblem(target: Target, policy: OutboundPolicy): string | undefined {
  const { host, port } = target
  const { addresses } = policy
  if (isIP(host) !== 0) return addressProblem(host, target, policy)
  const isListed = policy.allow.some((each) => holdsHost(each, host, port))
  if (isListed) return undefined
  if (isMetadataName(host)) return `${host} is the name of a metadata service, which is never connected to`
  // What it resolves to may be in a network that is listed.
  if (addresses === 'any' || policy.allow.some(({ kind }) => kind === 'network')) return undefined
  if (host === 'localhost' || host.endsWith('.localhost'))
    return `${host} is this machine${unlisted(policy, port)}`
  if (addresses === 'private') return undefined
  if (isPrivateName(host)) return `${host} is a name of a private network${unlisted(policy, port)}`
  return internetProblem(target, policy)
}

/** Likewise, of an address that the host of a target was resolved to. It repeats no address that was looked up. */
export function addressProblem(address: string, target: Target, policy: OutboundPolicy): string | undefined {
  const { host, port } = target
  const { plain, carried } = formsOf(address)
  const { allow, addresses } = policy
  const subject = isIP(host) === 0 ? `${host} is at` : `${host} is`
  const never = [plain, ...carried].map(neverReached).find((what) => what !== undefined)
  const isNamed = allow.some((each) => isExactly(each, plain, port))
  if (never !== undefined && !isNamed) return `${subject} ${never}, which is never connected to`
  if (addresses === 'any' || isNamed) return undefined
  if (allow.some((each) => holdsAddress(each, plain, port) || holdsHost(each, host, port))) return undefined
  if ([plain, ...carried].some(isOwnMachine))
    return `${subject} an address of this machine${unlisted(policy, port)}`
  if (addresses === 'private') return undefined
  if (!isPublicAddress(plain)) return `${subject} an address of a private network${unlisted(policy, port)}`
  return internetProblem(target, policy)
}

function internetProblem(
  { host, isSecure, port }: Target,
  { ports, isOfStrangers }: OutboundPolicy,
): string | undefined {
  if (!isSecure && isOfStrangers === true) return `http is not used for ${host}; use https`
  if (!isSecure) return 'http is for hosts and networks that the setting OUTBOUND_ALLOW lists; use https'
  if (ports.length === 0 || ports.includes(port)) return undefined
  return `port ${port} is not one of the setting OUTBOUND_PORTS (${ports.join(', ')})`
}

function unlisted({ allow, isOfStrangers }: OutboundPolicy, port: number): string {
  if (isOfStrangers === true) return ', and only addresses of the Internet are allowed here'
  const isOtherPort = allow.some((each) => each.port !== undefined)
  return `, which the setting OUTBOUND_ALLOW does not list${isOtherPort ? ` at port ${port}` : ''}`
}
