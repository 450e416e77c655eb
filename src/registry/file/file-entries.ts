import { createHash } from 'node:crypto'
import { GatewayError } from '../../domain/errors/errors.ts'
import { canonicalJson, isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { Section } from '../collections.ts'
import type { RegistryDocument } from '../documents/registry-document.ts'
import {
  ALREADY_THERE,
  documentId,
  handled,
  identityOf,
  type RegistryChange,
  type StoredDocument,
  unhandled,
} from '../registry-store.ts'
import type { EntryEdit, EntryPath } from './text-edit.ts'

const DESKTOP_PREFIX = 'mcpServers.'

interface FileEntry extends StoredDocument {
  readonly path: EntryPath
  /** As it stands in the file. */
  readonly raw: unknown
}

/** The entries of one section of a registry file, and what changes of them mean for its text. */
export class FileEntries {
  readonly #section: Section
  readonly #defaultTenant: string
  /** By their paths. */
  readonly #entries: Map<string, FileEntry>

  /** @param options.defaultTenant tenant of documents that name none */
  constructor(options: { section: Section; defaultTenant: string; documents: readonly RegistryDocument[] }) {
    this.#section = options.section
    this.#defaultTenant = options.defaultTenant
    const entries = options.documents.map((document) => this.#entryOf(document))
    this.#entries = new Map(entries.map((entry) => [entry.path.join('.'), entry]))
  }

  /** The same entries, for changes that these do not get. */
  copy(): FileEntries {
    const copy = new FileEntries({
      section: this.#section,
      defaultTenant: this.#defaultTenant,
      documents: [],
    })
    for (const [path, entry] of this.#entries) copy.#entries.set(path, entry)
    return copy
  }

  get all(): StoredDocument[] {
    return [...this.#entries.values()]
  }

  /** What stands in the file for each entry. */
  get values(): unknown[] {
    return [...this.#entries.values()].map(({ raw }) => raw)
  }

  /** The entries as they should stand in the file; equal ones have equal texts. */
  get content(): string {
    return contentText([...this.#entries].map(([path, { raw }]) => [path, raw]))
  }

  find(tenantId: string, name: string): StoredDocument | undefined {
    return this.#find(tenantId, name)
  }

  /**
   * Makes a change here, and returns the edits that make it in the text. Entries of `mcpServers` move to the section
   * when they are replaced.
   * @throws GatewayError `already_exists`, `precondition_failed`, or `server_not_found`
   */
  change(change: RegistryChange): EntryEdit[] {
    const { tenantId, name } = change.kind === 'remove' ? change : this.#identity(change)
    const current = this.#find(tenantId, name)
    if (change.kind === 'create') {
      if (current !== undefined) throw new GatewayError('already_exists', ALREADY_THERE)
      return [this.#set([this.#section, this.#freeKey(tenantId, name)], change.document, {})]
    }
    if (current === undefined) throw goneFrom(this.#section)
    if (current.etag !== change.etag) throw new GatewayError('precondition_failed')
    const [section, key] = current.path
    const raw = isJsonObject(current.raw) ? current.raw : {}
    if (change.kind === 'replace' && section !== 'mcpServers')
      return [this.#set(current.path, change.document, raw)]
    this.#entries.delete(current.path.join('.'))
    const removal = { path: [section, key] as const }
    if (change.kind === 'remove') return [removal]
    return [removal, this.#set([this.#section, this.#freeKey(tenantId, name)], change.document, {})]
  }

  #find(tenantId: string, name: string): FileEntry | undefined {
    return [...this.#entries.values()].find((entry) => entry.tenantId === tenantId && entry.name === name)
  }

  #entryOf({ id, value }: RegistryDocument): FileEntry {
    const path = pathOf(id, this.#section)
    const raw = isJsonObject(value) ? value : {}
    const named = { name: path[1], tenantId: this.#defaultTenant, ...raw }
    const stored = handled(this.#section, path[1], named)
    const etag = etagOf(isJsonObject(value) ? stored.document : value)
    return { ...stored, etag, path, raw: value }
  }

  #identity({ document, id }: { document: JsonObject; id?: string }): { tenantId: string; name: string } {
    return id === undefined ? storedIdentity(document) : handled(this.#section, id, document)
  }

  #freeKey(tenantId: string, name: string): string {
    return this.#entries.has(`${this.#section}.${name}`) ? documentId({ tenantId, name }) : name
  }

  /** Leaves to the defaults what the entry left to them before. */
  #set(path: EntryPath, document: JsonObject, before: JsonObject): EntryEdit {
    const value = { ...unhandled(this.#section, document) }
    if (before['name'] === undefined && value['name'] === path[1]) delete value['name']
    if (before['tenantId'] === undefined && value['tenantId'] === this.#defaultTenant)
      delete value['tenantId']
    const stored = { ...handled(this.#section, path[1], document), document }
    this.#entries.set(path.join('.'), { ...stored, etag: etagOf(document), path, raw: value })
    return { path, value }
  }
}

/** The documents of a section in the form of `FileEntries.content`. */
export function contentOf(documents: readonly RegistryDocument[], section: Section): string {
  return contentText(documents.map(({ id, value }) => [pathOf(id, section).join('.'), value]))
}

/** The document as `FileEntries` knows it once it is stored. */
export function storedAs(document: JsonObject): StoredDocument {
  return { ...storedIdentity(document), document, etag: etagOf(document) }
}

function pathOf(id: string, section: Section): EntryPath {
  return id.startsWith(DESKTOP_PREFIX) ? ['mcpServers', id.slice(DESKTOP_PREFIX.length)] : [section, id]
}

function contentText(pairs: readonly (readonly [path: string, value: unknown])[]): string {
  return canonicalJson(pairs.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function etagOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('base64url').slice(0, 27)
}

function storedIdentity(document: JsonObject): { tenantId: string; name: string } {
  const identity = identityOf(document)
  if (identity === undefined) throw new TypeError('a document to be stored has no name or tenantId')
  return identity
}

/** A document that is to be changed is not there any more. */
function goneFrom(section: Section): GatewayError {
  return section === 'servers'
    ? new GatewayError('server_not_found')
    : new GatewayError('precondition_failed', 'The document was removed in the meantime')
}
