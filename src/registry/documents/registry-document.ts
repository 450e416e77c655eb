import { isJsonObject } from '../../domain/json/json.ts'

/** A document as its source has it, not checked yet. */
export interface RegistryDocument {
  readonly id: string
  readonly value: unknown
  /** Problems that its source has found; if this is set, the value is not checked further. */
  readonly problems?: readonly string[]
  /** Whether these problems leave open who may use the server, so that no earlier version of it may serve. */
  readonly isHidden?: boolean
}

/**
 * The value of a server document with the name and the tenant that it omits: the name is its key, and the source knows
 * the tenant. A field that is present, even without a value, gets no default.
 * @param defaultTenant undefined where each document must name its tenant
 */
export function withDefaults({ id, value }: RegistryDocument, defaultTenant: string | undefined): unknown {
  return isJsonObject(value) ? { name: id, tenantId: defaultTenant, ...value } : value
}
