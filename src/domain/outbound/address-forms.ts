import { isIPv4, isIPv6 } from 'node:net'

/** Prefixes of IPv6 whose last 32 bits are an address of IPv4: mapped, compatible, and both prefixes of NAT64. */
const CARRIERS: readonly (readonly number[])[] = [
  [0, 0, 0, 0, 0, 0xffff],
  [0, 0, 0, 0, 0, 0],
  [0x64, 0xff9b, 0, 0, 0, 0],
  [0x64, 0xff9b, 1],
]
/** Mapped addresses and those of the well-known NAT64 prefix are that address of IPv4, for whoever connects to them. */
const SAME = CARRIERS.slice(0, 3).filter((_, index) => index !== 1)
const SIX_TO_FOUR = [0x2002]
const TEREDO = [0x2001, 0]

/**
 * What an IP address may stand for: the address itself, or the address of IPv4 that it is another form of; then each
 * address of IPv4 that a network may find in it.
 */
export function formsOf(address: string): { readonly plain: string; readonly carried: readonly string[] } {
  const bare = address.split('%', 1)[0] ?? ''
  if (!isIPv6(bare)) return { plain: bare, carried: [] }
  const groups = groupsOf(bare)
  const last = v4(groups.slice(6))
  const isLoopback = groups.slice(0, 7).every((group) => group === 0)
  if (!isLoopback && SAME.some((prefix) => startsWith(groups, prefix)))
    return { plain: last, carried: [last] }
  const carried = [
    ...(!isLoopback && CARRIERS.some((prefix) => startsWith(groups, prefix)) ? [last] : []),
    ...(startsWith(groups, SIX_TO_FOUR) ? [v4(groups.slice(1, 3))] : []),
    ...(startsWith(groups, TEREDO) ? [v4(groups.slice(6).map((group) => group ^ 0xffff))] : []),
  ]
  return { plain: bare, carried }
}

function startsWith(groups: readonly number[], prefix: readonly number[]): boolean {
  return prefix.every((group, index) => groups[index] === group)
}

function v4([high = 0, low = 0]: readonly number[]): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::', 2)
  const before = groupsIn(head)
  if (tail === undefined) return before
  const after = groupsIn(tail)
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after]
}

function groupsIn(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((part) => {
    if (!isIPv4(part)) return [Number.parseInt(part, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}
