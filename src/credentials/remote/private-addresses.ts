import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { isPublicAddress } from '../../domain/public-address.ts'

/** Whether an IP address is not of the Internet, so that third parties must not make the gateway send requests to it. */
export function isPrivateAddress(address: string): boolean {
  return !isPublicAddress(address)
}

/** Whether the name or address of a host leads to an address that is not of the Internet. */
export async function isPrivateHost(host: string): Promise<boolean> {
  const bare = host.replace(/^\[|\]$/g, '')
  if (isIP(bare) !== 0) return isPrivateAddress(bare)
  const found = await lookup(bare, { all: true }).catch(() => [])
  return found.some(({ address }) => isPrivateAddress(address))
}
