import { realpath } from 'node:fs/promises'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError, messageOf } from '../../domain/errors/errors.ts'
import { canonicalJson, type JsonObject } from '../../domain/json/json.ts'
import { readLimited } from '../../files/bounded-read.ts'
import { fileErrorCode, onCode } from '../../files/file-error.ts'
import { presentFingerprint, replaceFile } from '../../files/replace-file.ts'
import type { Section } from '../collections.ts'
import type { RegistryDocument } from '../documents/registry-document.ts'
import type { RegistryChange, RegistryStore, StoredDocument } from '../registry-store.ts'
import { contentOf, FileEntries, storedAs } from './file-entries.ts'
import { refuseBeyondShare, refuseTooLarge, sharesOf } from './file-room.ts'
import { MAX_REGISTRY_BYTES, readRegistryText, type RegistryContent } from './registry-text.ts'
import { editEntries, rewriteEntries } from './text-edit.ts'

/** A file that is too large for a gateway is read all the same, so that it can be made smaller. */
const MAX_READ_BYTES = 2 * MAX_REGISTRY_BYTES
const MAX_ATTEMPTS = 5

interface Content {
  readonly text: string
  readonly documents: readonly RegistryDocument[]
  /** All that the file says; undefined where it says nothing. */
  readonly registry?: RegistryContent
  readonly fingerprint: string
}

/**
 * A registry in a YAML or JSON file. A write changes the bytes of its entry only, appears at once and whole, and
 * keeps the file's mode; writers, other processes with this class included, wait for each other, and an edit by
 * other means in between is never overwritten. Entries of `mcpServers` move to `servers` when they are replaced.
 * A file that does not exist is an empty registry.
 */
export class FileStore implements RegistryStore {
  readonly #path: string
  readonly #defaultTenant: string
  readonly #section: Section
  readonly #isShared: boolean
  readonly #clock: Clock
  #writing: Promise<unknown> = Promise.resolve()

  /**
   * @param options.defaultTenant tenant of documents that name none
   * @param options.isShared whether tenants write here, so that none may fill the file alone
   */
  constructor(options: {
    path: string
    defaultTenant: string
    section?: Section
    isShared?: boolean
    clock: Clock
  }) {
    this.#path = options.path
    this.#defaultTenant = options.defaultTenant
    this.#section = options.section ?? 'servers'
    this.#isShared = options.isShared ?? false
    this.#clock = options.clock
  }

  async get(tenantId: string, name: string): Promise<StoredDocument | undefined> {
    return this.#entries(await this.#read(this.#path)).find(tenantId, name)
  }

  async list(): Promise<StoredDocument[]> {
    return this.#entries(await this.#read(this.#path)).all
  }

  create(document: JsonObject): Promise<StoredDocument> {
    return this.#applyOne({ kind: 'create', document })
  }

  replace(document: JsonObject, etag: string): Promise<StoredDocument> {
    return this.#applyOne({ kind: 'replace', document, etag })
  }

  async remove(tenantId: string, name: string, etag: string): Promise<void> {
    await this.apply([{ kind: 'remove', tenantId, name, etag }])
  }

  /** Makes all changes or none, in one write. Rejects as the single ones do. */
  async apply(changes: readonly RegistryChange[]): Promise<void> {
    const writing = this.#writing.then(() => this.#write(changes))
    this.#writing = writing.catch(() => undefined)
    await writing
  }

  async #applyOne(change: RegistryChange & { document: JsonObject }): Promise<StoredDocument> {
    await this.apply([change])
    return storedAs(change.document)
  }

  async #write(changes: readonly RegistryChange[]): Promise<void> {
    try {
      const target = await realpath(this.#path).catch(onCode('ENOENT', this.#path))
      const next = async (): Promise<{ text: string; basedOn: string }> => {
        const before = await this.#read(target)
        return { text: this.#changed(before, changes), basedOn: before.fingerprint }
      }
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
        if (await replaceFile(target, { next, clock: this.#clock })) return
      }
    } catch (error) {
      if (error instanceof GatewayError) throw error
      throw unavailable(`The registry file cannot be written (${reasonOf(error)})`, error)
    }
    throw unavailable('The registry file keeps changing')
  }

  /** The text after the changes, checked to say exactly what it should. */
  #changed(before: Content, changes: readonly RegistryChange[]): string {
    const entries = this.#entries(before)
    const edits = changes.flatMap((change) => entries.change(change))
    const expected = entries.content
    this.#refuseBeyondShare(before, entries)
    const started = before.text.trim() === '' ? this.#emptyText() : before.text
    for (const edit of [editEntries, rewriteEntries]) {
      const edited = edit(started, edits)
      if (edited === undefined || sectionContent(edited, this.#section) !== expected) continue
      if (otherContent(edited, this.#section) !== otherContent(started, this.#section)) continue
      refuseTooLarge(before.text, edited)
      return edited
    }
    throw new GatewayError(
      'invalid_document',
      'This entry of the registry file cannot be changed without changing others (it may use anchors or aliases): edit the file directly',
    )
  }

  #refuseBeyondShare({ registry }: Content, { values }: FileEntries): void {
    if (!this.#isShared) return
    const shared = { defaultTenant: this.#defaultTenant }
    const after = sharesOf(registry, { ...shared, changed: { section: this.#section, values } })
    refuseBeyondShare(sharesOf(registry, shared), after)
  }

  #emptyText(): string {
    return this.#path.endsWith('.json') ? '{\n  "servers": {}\n}\n' : 'servers: {}\n'
  }

  #entries({ documents }: Content): FileEntries {
    return new FileEntries({ section: this.#section, defaultTenant: this.#defaultTenant, documents })
  }

  async #read(path: string): Promise<Content> {
    const fingerprint = await presentFingerprint(path)
    if (fingerprint === '') return { text: '', documents: [], fingerprint }
    const read = await readLimited(path, MAX_READ_BYTES).catch((error: unknown) => {
      throw unavailable(`The registry file cannot be read (${reasonOf(error)})`, error)
    })
    if ('problem' in read) throw unavailable(`The registry file cannot be used: ${read.problem}`)
    if (read.text.trim() === '') return { text: '', documents: [], fingerprint }
    const registry = readRegistryText(read.text)
    if ('problem' in registry) throw unavailable(`The registry file cannot be used: ${registry.problem}`)
    return { text: read.text, documents: documentsIn(registry, this.#section), registry, fingerprint }
  }
}

function sectionContent(text: string, section: Section): string | undefined {
  const read = readRegistryText(text)
  return 'problem' in read ? undefined : contentOf(documentsIn(read, section), section)
}

/** The same of all other sections, broken as they are, where they are. */
function otherContent(text: string, section: Section): string | undefined {
  const read = readRegistryText(text)
  if ('problem' in read) return undefined
  const { documents: servers, sections } = read
  return canonicalJson(Object.entries({ servers, ...sections }).filter(([name]) => name !== section))
}

/** @throws GatewayError `store_unavailable` for a section that cannot be read, and so not be written */
function documentsIn(
  { documents, sections }: RegistryContent,
  section: Section,
): readonly RegistryDocument[] {
  if (section === 'servers') return documents
  const content = sections[section]
  if ('documents' in content) return content.documents
  throw unavailable(`The section ${section} of the registry file cannot be used: ${content.problem}`)
}

function reasonOf(error: unknown): string {
  return fileErrorCode(error) ?? messageOf(error)
}

function unavailable(message: string, cause?: unknown): GatewayError {
  return new GatewayError('store_unavailable', message, { cause })
}
