import { BlockList, isIP } from 'node:net'

/** What an operator lists as reachable in addition to the internet: a network, or hosts by name; at any port, or at one. */
export interface Destination {
  readonly kind: 'network' | 'host'
  /** An address or network in CIDR notation; a host name, or `*.` and the end of host names. */
  readonly text: string
  readonly port: number | undefined
}

const HOST = /^(\*\.)?[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?$/
const PORT = /^[0-9]{1,5}$/
const PREFIX = /^[0-9]{1,3}$/
const lists = new WeakMap<Destination, BlockList>()

/**
 * Reads `10.0.0.0/8`, `192.168.1.4:8080`, `[fd00::]/8`, `[fd00::1]:8080`, `orders.svc`, `*.svc.cluster.local:8080`;
 * undefined for anything else.
 */
export function parseDestination(entry: string): Destination | undefined {
  const text = entry.trim().toLowerCase()
  const [, bracketed, prefix = '', at] = /^\[([^\]]*)\](\/[0-9]+)?(?::([0-9]+))?$/.exec(text) ?? []
  if (bracketed !== undefined) return network(`${bracketed}${prefix}`, at)
  if (isIP(text.split('/', 1)[0] ?? '') === 6) return network(text, undefined)
  const [place = '', port, ...more] = text.split(':')
  if (more.length > 0) return undefined
  if (/^[0-9.]+(\/|$)/.test(place)) return network(place, port)
  if (!HOST.test(place) || !isPort(port)) return undefined
  return { kind: 'host', text: place, port: numberOf(port) }
}

function network(text: string, port: string | undefined): Destination | undefined {
  const [address = '', prefix, ...more] = text.split('/')
  const family = isIP(address)
  const longest = family === 4 ? 32 : 128
  const isFit = prefix === undefined || (PREFIX.test(prefix) && Number(prefix) <= longest)
  if (family === 0 || !isFit || more.length > 0 || !isPort(port)) return undefined
  return { kind: 'network', text, port: numberOf(port) }
}

function isPort(text: string | undefined): boolean {
  return text === undefined || (PORT.test(text) && Number(text) >= 1 && Number(text) <= 65_535)
}

function numberOf(port: string | undefined): number | undefined {
  return port === undefined ? undefined : Number(port)
}

/** Whether an IP address, at a port, is one of a destination that is a network. */
export function holdsAddress(destination: Destination, address: string, port: number): boolean {
  const family = isIP(address)
  if (destination.kind !== 'network' || family === 0 || !isAt(destination, port)) return false
  return listOf(destination).check(address, family === 4 ? 'ipv4' : 'ipv6')
}

/** Whether a destination is that one address and no other. */
export function isExactly(destination: Destination, address: string, port: number): boolean {
  const [text = '', prefix] = destination.text.split('/')
  const isSingle = prefix === undefined || prefix === (isIP(text) === 4 ? '32' : '128')
  return isSingle && holdsAddress(destination, address, port)
}

/** Whether a host name, at a port, is one of a destination that names hosts. */
export function holdsHost(destination: Destination, host: string, port: number): boolean {
  const { kind, text } = destination
  if (kind !== 'host' || !isAt(destination, port)) return false
  return text.startsWith('*.') ? host.endsWith(text.slice(1)) : host === text
}

function isAt({ port: wanted }: Destination, port: number): boolean {
  return wanted === undefined || wanted === port
}

function listOf(destination: Destination): BlockList {
  const known = lists.get(destination)
  if (known !== undefined) return known
  const list = new BlockList()
  const [address = '', prefix] = destination.text.split('/')
  const family = isIP(address) === 4 ? 'ipv4' : 'ipv6'
  list.addSubnet(address, Number(prefix ?? (family === 'ipv4' ? 32 : 128)), family)
  lists.set(destination, list)
  return list
}
