import { BlockList, isIPv4 } from 'node:net'

/** What no server is at: link-local addresses, metadata services of clouds, and addresses of many at once. */
const NEVER: Readonly<Record<string, readonly string[]>> = {
  'a link-local address, where clouds hand out credentials': ['169.254.0.0/16', 'fe80::/10'],
  'the address of a metadata service': [
    '100.100.100.200/32',
    '168.63.129.16/32',
    '192.0.0.192/32',
    'fd00:ec2::254/128',
    'fd20:ce::254/128',
  ],
  'a multicast or broadcast address': ['224.0.0.0/4', '255.255.255.255/32', 'ff00::/8'],
}
const METADATA_NAMES: ReadonlySet<string> = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.azure.internal',
  'metadata.tencentyun.com',
  'instance-data',
  'instance-data.ec2.internal',
])
/** Ends of names that no public DNS has (RFC 6761, 6762, 8375, the reserved `.internal`, and those of clusters). */
const PRIVATE_NAME = /(^[^.]+|\.(local|internal|localhost|lan|intranet|corp|home|private|home\.arpa|svc))$/

const never = Object.entries(NEVER).map(([what, networks]) => ({ what, list: listOf(networks) }))
const machine = listOf(['127.0.0.0/8', '0.0.0.0/8', '::1/128', '::/128'])

/** What an address is that must never be connected to, as the end of a sentence; undefined for any other. */
export function neverReached(address: string): string | undefined {
  return never.find(({ list }) => contains(list, address))?.what
}

/** Whether an address is of the machine that connects to it. */
export function isOwnMachine(address: string): boolean {
  return contains(machine, address)
}

/** Whether a host name is that of a metadata service. */
export function isMetadataName(host: string): boolean {
  return METADATA_NAMES.has(host)
}

/** Whether a host name is one that only a private network can resolve. */
export function isPrivateName(host: string): boolean {
  return PRIVATE_NAME.test(host)
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    list.addSubnet(address, Number(prefix), isIPv4(address) ? 'ipv4' : 'ipv6')
  }
  return list
}
