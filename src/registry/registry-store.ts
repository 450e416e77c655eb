import type { JsonObject } from '../domain/json/json.ts'
import type { Section } from './collections.ts'

/** One document of the registry as it is stored, valid or not. */
export interface StoredDocument {
  readonly tenantId: string
  readonly name: string
  /** The whole document, `name` and `tenantId` included even where the store leaves them to defaults. */
  readonly document: JsonObject
  /** Names this version of the document; another version has another one. Opaque, `[A-Za-z0-9._-]+`. */
  readonly etag: string
}

/** One change to a registry; `etag` names the version that it is meant for, `id` a document without name or tenant. */
export type RegistryChange =
  | { readonly kind: 'create'; readonly document: JsonObject; readonly id?: string }
  | { readonly kind: 'replace'; readonly document: JsonObject; readonly etag: string; readonly id?: string }
  | { readonly kind: 'remove'; readonly tenantId: string; readonly name: string; readonly etag: string }

/**
 * A registry that can be written. Documents given to it are valid and have `name` and `tenantId`; what it holds
 * already need not be. Every method rejects with GatewayError `store_unavailable` when the store does not answer.
 */
export interface RegistryStore {
  /** The document of that name in exactly that tenant, or undefined; `*` counts as a separate tenant. */
  get(tenantId: string, name: string): Promise<StoredDocument | undefined>
  /** Every document that has a name and a tenant. */
  list(): Promise<StoredDocument[]>
  /** Rejects with `already_exists` when tenant and name are taken. */
  create(document: JsonObject): Promise<StoredDocument>
  /** Rejects with `server_not_found`, in every section, or `precondition_failed` if the stored version is another. */
  replace(document: JsonObject, etag: string): Promise<StoredDocument>
  /** Rejects like `replace`. */
  remove(tenantId: string, name: string, etag: string): Promise<void>
}

/** What is said of a document whose name is taken. */
export const ALREADY_THERE =
  'There is a document of this name already; replace it with PUT, or give another name'

/** Tenant and name of a document; undefined where one of them is not a text. */
export function identityOf(document: JsonObject): { tenantId: string; name: string } | undefined {
  const { tenantId, name } = document
  return typeof tenantId === 'string' && typeof name === 'string' ? { tenantId, name } : undefined
}

/**
 * A document of a part of a registry as it is handled: tenants are known by their id, and have neither field; a
 * document without a name or a tenant has its id for a name, and no tenant.
 */
export function handled(
  section: Section,
  id: string,
  document: JsonObject,
): { tenantId: string; name: string; document: JsonObject } {
  if (section === 'tenants') {
    return { tenantId: id, name: id, document: { ...document, name: id, tenantId: id } }
  }
  return { ...(identityOf(document) ?? { tenantId: NO_TENANT, name: id }), document }
}

/** The document as it is stored. */
export function unhandled(section: Section, document: JsonObject): JsonObject {
  if (section !== 'tenants') return document
  const { name: _name, tenantId: _tenantId, ...own } = document
  return own
}

/** Stands for the tenant of a document that names none; no tenant is called so. */
export const NO_TENANT = ''

/** Id of a document in a store that has one name for everything: `acme.github`, or `all.github` for all tenants. */
export function documentId({ tenantId, name }: { tenantId: string; name: string }): string {
  return `${tenantId === '*' ? 'all' : tenantId}.${name}`
}
