import { realpath } from 'node:fs/promises'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError, messageOf } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { fileErrorCode, onCode } from '../../files/file-error.ts'
import { replaceFile } from '../../files/replace-file.ts'
import type { Section } from '../collections.ts'
import type { RegistryDocument } from '../documents/registry-document.ts'
import type { RegistryChange, RegistryStore, StoredDocument } from '../registry-store.ts'
import { editedText } from './edit-thread.ts'
import { FileEntries, storedAs } from './file-entries.ts'
import { refuseBeyondShare, refuseTooLarge, sharesOf } from './file-room.ts'
import { RegistryFile, type RegistryVersion } from './registry-file.ts'
import type { RegistryContent } from './registry-text.ts'

const MAX_ATTEMPTS = 5

/**
 * A registry in a YAML or JSON file. A write changes the bytes of its entry only, appears at once and whole, and
 * keeps the file's mode; writers, other processes with this class included, wait for each other, and an edit by
 * other means in between is never overwritten. Entries of `mcpServers` move to `servers` when they are replaced.
 * A file that does not exist is an empty registry.
 */
export class FileStore implements RegistryStore {
  readonly #path: string
  readonly #file: RegistryFile
  readonly #defaultTenant: string
  readonly #section: Section
  readonly #isShared: boolean
  readonly #clock: Clock
  #known: { readonly registry: RegistryContent | undefined; readonly entries: FileEntries } | undefined
  #writing: Promise<unknown> = Promise.resolve()

  /**
   * @param options.defaultTenant tenant of documents that name none
   * @param options.file who reads the file at `path`, for others, too
   * @param options.isShared whether tenants write here, so that none may fill the file alone
   */
  constructor(options: {
    path: string
    file?: RegistryFile
    defaultTenant: string
    section?: Section
    isShared?: boolean
    clock: Clock
  }) {
    this.#path = options.path
    this.#file = options.file ?? new RegistryFile(options.path)
    this.#defaultTenant = options.defaultTenant
    this.#section = options.section ?? 'servers'
    this.#isShared = options.isShared ?? false
    this.#clock = options.clock
  }

  async get(tenantId: string, name: string): Promise<StoredDocument | undefined> {
    return this.#entries(await this.#read(this.#file.now())).find(tenantId, name)
  }

  async list(): Promise<StoredDocument[]> {
    return this.#entries(await this.#read(this.#file.now())).all
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
        const before = await this.#read(this.#file.readAt(target))
        return { text: await this.#changed(before, changes), basedOn: before.fingerprint }
      }
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
        if (await replaceFile(target, { next, clock: this.#clock })) return
      }
    } catch (error) {
      if (error instanceof GatewayError) throw error
      throw unavailable(`The registry file cannot be written (${fileProblem(error)})`, error)
    }
    throw unavailable('The registry file keeps changing')
  }

  /** The text after the changes, checked to say exactly what it should. */
  async #changed(before: RegistryVersion, changes: readonly RegistryChange[]): Promise<string> {
    const entries = this.#entries(before).copy()
    const edits = changes.flatMap((change) => entries.change(change))
    this.#refuseBeyondShare(before, entries)
    const text = before.registry === undefined ? this.#emptyText() : before.text
    const edited = await editedText({ text, edits, section: this.#section, expected: entries.content })
    if (edited !== undefined) {
      refuseTooLarge(before.text, edited)
      return edited
    }
    throw new GatewayError(
      'invalid_document',
      'This entry of the registry file cannot be changed without changing others (it may use anchors or aliases): edit the file directly',
    )
  }

  #refuseBeyondShare({ registry }: RegistryVersion, { values }: FileEntries): void {
    if (!this.#isShared) return
    const shared = { defaultTenant: this.#defaultTenant }
    const after = sharesOf(registry, { ...shared, changed: { section: this.#section, values } })
    refuseBeyondShare(sharesOf(registry, shared), after)
  }

  #emptyText(): string {
    return this.#path.endsWith('.json') ? '{\n  "servers": {}\n}\n' : 'servers: {}\n'
  }

  /** The entries of a version, which others may have: changes are for a copy. */
  #entries({ registry }: RegistryVersion): FileEntries {
    if (this.#known?.registry !== registry || this.#known === undefined) {
      const documents = registry === undefined ? [] : documentsIn(registry, this.#section)
      const entries = new FileEntries({
        section: this.#section,
        defaultTenant: this.#defaultTenant,
        documents,
      })
      this.#known = { registry, entries }
    }
    return this.#known.entries
  }

  async #read(reading: ReturnType<RegistryFile['now']>): Promise<RegistryVersion> {
    const version = await reading.catch((error: unknown) => {
      throw unavailable(`The registry file cannot be read (${fileProblem(error)})`, error)
    })
    if ('problem' in version) throw unavailable(`The registry file cannot be used: ${version.problem}`)
    return version
  }
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

function fileProblem(error: unknown): string {
  return fileErrorCode(error) ?? messageOf(error)
}

function unavailable(message: string, cause?: unknown): GatewayError {
  return new GatewayError('store_unavailable', message, { cause })
}
