import { GatewayError } from '../../domain/errors/errors.ts'
import { ALL_TENANTS } from '../../domain/principal.ts'
import type { Section } from '../collections.ts'
import { ownerOf } from '../tenants.ts'
import { MAX_REGISTRY_BYTES, OPTIONAL_SECTIONS, type RegistryContent } from './registry-text.ts'

/** A value takes far more memory than its text while the file is read, however short it is. */
const BYTES_A_VALUE = 32

/** What documents take of the file, by value: what does not change is not counted again. */
const counted = new WeakMap<object, number>()

/** How many bytes of the file the documents of each tenant count for. */
type Shares = ReadonlyMap<string, number>

/** What each tenant takes of a file, in all sections; `changed` are the values that one of them is to have instead. */
export function sharesOf(
  registry: RegistryContent | undefined,
  options: { defaultTenant: string; changed?: { section: Section; values: readonly unknown[] } },
): Shares {
  const { changed } = options
  const shares = new Map<string, number>()
  for (const section of ['servers', ...OPTIONAL_SECTIONS] as const) {
    const values = changed?.section === section ? changed.values : valuesOf(registry, section)
    for (const value of values) {
      const owner = ownerOf(value) ?? (section === 'templates' ? ALL_TENANTS : options.defaultTenant)
      shares.set(owner, (shares.get(owner) ?? 0) + bytesOf(value))
    }
  }
  return shares
}

/**
 * Refuses that a tenant takes more than half of what the others leave, so that none fills the file alone; less than
 * before is always allowed.
 * @throws GatewayError `payload_too_large`
 */
export function refuseBeyondShare(before: Shares, after: Shares): void {
  const all = [...after.values()].reduce((sum, bytes) => sum + bytes, 0)
  for (const [tenant, bytes] of after) {
    const most = Math.max(0, Math.floor((MAX_REGISTRY_BYTES - (all - bytes)) / 2))
    if (bytes <= most || bytes <= (before.get(tenant) ?? 0)) continue
    throw new GatewayError(
      'payload_too_large',
      `The documents of the tenant would take ${bytes} bytes of the registry file, each value counting at least ${BYTES_A_VALUE}; they may take ${most}`,
    )
  }
}

/** Refuses a text that no gateway would read; one that is shorter than before is allowed. @throws GatewayError `payload_too_large` */
export function refuseTooLarge(before: string, after: string): void {
  const bytes = Buffer.byteLength(after)
  if (bytes <= MAX_REGISTRY_BYTES || bytes < Buffer.byteLength(before)) return
  throw new GatewayError(
    'payload_too_large',
    `The registry file would have ${bytes} bytes; it may have ${MAX_REGISTRY_BYTES}`,
  )
}

function valuesOf(registry: RegistryContent | undefined, section: Section): unknown[] {
  const content = section === 'servers' ? registry : registry?.sections[section]
  return content !== undefined && 'documents' in content ? content.documents.map(({ value }) => value) : []
}

function bytesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return BYTES_A_VALUE
  const known = counted.get(value)
  if (known !== undefined) return known
  const bytes = Math.max(Buffer.byteLength(JSON.stringify(value)), valuesIn(value) * BYTES_A_VALUE)
  counted.set(value, bytes)
  return bytes
}

/** The value itself and all that are in it. */
function valuesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce<number>((sum, inner) => sum + valuesIn(inner), 1)
}
