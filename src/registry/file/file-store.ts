import { createHash, randomUUID } from 'node:crypto'
import { chmod, chown, open, realpath, rename, stat, unlink } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError, messageOf } from '../../domain/errors/errors.ts'
import { canonicalJson, isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { Section } from '../collections.ts'
import type { RegistryDocument } from '../documents/registry-document.ts'
import { fingerprintOf, readLimited } from '../../files/bounded-read.ts'
import {
  documentId,
  handled,
  identityOf,
  type RegistryChange,
  type RegistryStore,
  type StoredDocument,
  unhandled,
} from '../registry-store.ts'
import { readRegistryText, type RegistryContent } from './registry-text.ts'
import { editEntries, type EntryEdit, type EntryPath, rewriteEntries } from './text-edit.ts'

const MAX_FILE_BYTES = 4 * 1024 * 1024
/** A lock of ours lasts milliseconds; an older one was left behind by a process that died. */
const STALE_LOCK_MS = 10_000
const LOCK_RETRY_MS = 20
const LOCK_TRIES = 250
const MAX_ATTEMPTS = 5
const DESKTOP_PREFIX = 'mcpServers.'

interface FileEntry extends StoredDocument {
  readonly path: EntryPath
  /** As it stands in the file. */
  readonly raw: unknown
}

interface Content {
  readonly text: string
  readonly documents: readonly RegistryDocument[]
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
  readonly #clock: Clock
  #writing: Promise<unknown> = Promise.resolve()

  /** @param options.defaultTenant tenant of documents that name none */
  constructor(options: { path: string; defaultTenant: string; section?: Section; clock: Clock }) {
    this.#path = options.path
    this.#defaultTenant = options.defaultTenant
    this.#section = options.section ?? 'servers'
    this.#clock = options.clock
  }

  async get(tenantId: string, name: string): Promise<StoredDocument | undefined> {
    return entryOf(this.#entries(await this.#read(this.#path)), tenantId, name)
  }

  async list(): Promise<StoredDocument[]> {
    return this.#entries(await this.#read(this.#path))
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
    return { ...identityFor(change.document), document: change.document, etag: etagOf(change.document) }
  }

  async #write(changes: readonly RegistryChange[]): Promise<void> {
    try {
      const target = await realpath(this.#path).catch(unlessMissing(this.#path))
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
        if (await this.#attempt(target, changes)) return
      }
    } catch (error) {
      if (error instanceof GatewayError) throw error
      throw unavailable(`The registry file cannot be written (${reasonOf(error)})`, error)
    }
    throw unavailable('The registry file keeps changing')
  }

  /** One try under the lock; false when the file was changed by other means while it ran. */
  async #attempt(target: string, changes: readonly RegistryChange[]): Promise<boolean> {
    const lock = `${target}.lock`
    const draft = `${target}.${randomUUID()}`
    await takeLock(lock, this.#clock)
    try {
      const before = await this.#read(target)
      await writeDurably(draft, this.#changed(before, changes))
      await keepMode(target, draft)
      if ((await fingerprintOf(target).catch(unlessMissing(''))) !== before.fingerprint) return false
      await rename(draft, target)
      return true
    } finally {
      await unlink(draft).catch(unlessMissing(undefined))
      await unlink(lock).catch(unlessMissing(undefined))
    }
  }

  /** The text after the changes, checked to say exactly what it should. */
  #changed({ text, documents }: Content, changes: readonly RegistryChange[]): string {
    const entries = new Map(this.#entries({ documents }).map((entry) => [entry.path.join('.'), entry]))
    const edits = changes.flatMap((change) => this.#editsOf(change, entries))
    const expected = canonicalJson([...entries].map(([id, { raw }]) => [id, raw]).toSorted(byFirst))
    const started = text.trim() === '' ? this.#emptyText() : text
    for (const edit of [editEntries, rewriteEntries]) {
      const edited = edit(started, edits)
      if (edited === undefined || contentOf(edited, this.#section) !== expected) continue
      if (otherContent(edited, this.#section) === otherContent(started, this.#section)) return edited
    }
    throw new GatewayError(
      'invalid_document',
      'This entry of the registry file cannot be changed without changing others (it may use anchors or aliases): edit the file directly',
    )
  }

  #emptyText(): string {
    return this.#path.endsWith('.json') ? '{\n  "servers": {}\n}\n' : 'servers: {}\n'
  }

  /** What a change means for the text; also makes it in `entries`. */
  #editsOf(change: RegistryChange, entries: Map<string, FileEntry>): EntryEdit[] {
    const { tenantId, name } = change.kind === 'remove' ? change : this.#identity(change)
    const current = entryOf([...entries.values()], tenantId, name)
    if (change.kind === 'create') {
      if (current !== undefined) throw new GatewayError('already_exists')
      return [
        this.#set([this.#section, this.#freeKey(tenantId, name, entries)], change.document, {}, entries),
      ]
    }
    if (current === undefined) throw goneFrom(this.#section)
    if (current.etag !== change.etag) throw new GatewayError('precondition_failed')
    const [section, key] = current.path
    const raw = isJsonObject(current.raw) ? current.raw : {}
    if (change.kind === 'replace' && section !== 'mcpServers') {
      return [this.#set(current.path, change.document, raw, entries)]
    }
    entries.delete(current.path.join('.'))
    const removal = { path: [section, key] as const }
    if (change.kind === 'remove') return [removal]
    const free = this.#freeKey(tenantId, name, entries)
    return [removal, this.#set([this.#section, free], change.document, {}, entries)]
  }

  #identity({ document, id }: { document: JsonObject; id?: string }): { tenantId: string; name: string } {
    return id === undefined ? identityFor(document) : handled(this.#section, id, document)
  }

  #freeKey(tenantId: string, name: string, entries: ReadonlyMap<string, FileEntry>): string {
    return entries.has(`${this.#section}.${name}`) ? documentId({ tenantId, name }) : name
  }

  /** Leaves to the defaults what the entry left to them before. */
  #set(
    path: EntryPath,
    document: JsonObject,
    before: JsonObject,
    entries: Map<string, FileEntry>,
  ): EntryEdit {
    const value = { ...unhandled(this.#section, document) }
    if (before['name'] === undefined && value['name'] === path[1]) delete value['name']
    if (before['tenantId'] === undefined && value['tenantId'] === this.#defaultTenant)
      delete value['tenantId']
    entries.set(path.join('.'), {
      ...handled(this.#section, path[1], document),
      document,
      etag: etagOf(document),
      path,
      raw: value,
    })
    return { path, value }
  }

  async #read(path: string): Promise<Content> {
    const fingerprint = await fingerprintOf(path).catch(unlessMissing(''))
    if (fingerprint === '') return { text: '', documents: [], fingerprint }
    const read = await readLimited(path, MAX_FILE_BYTES).catch((error: unknown) => {
      throw unavailable(`The registry file cannot be read (${reasonOf(error)})`, error)
    })
    if ('problem' in read) throw unavailable(`The registry file cannot be used: ${read.problem}`)
    if (read.text.trim() === '') return { text: '', documents: [], fingerprint }
    const registry = readRegistryText(read.text)
    if ('problem' in registry) throw unavailable(`The registry file cannot be used: ${registry.problem}`)
    return { text: read.text, documents: documentsIn(registry, this.#section), fingerprint }
  }

  #entries({ documents }: Pick<Content, 'documents'>): FileEntry[] {
    return documents.map(({ id, value }) => {
      const isDesktop = id.startsWith(DESKTOP_PREFIX)
      const path: EntryPath = isDesktop
        ? ['mcpServers', id.slice(DESKTOP_PREFIX.length)]
        : [this.#section, id]
      const raw = isJsonObject(value) ? value : {}
      const named = { name: path[1], tenantId: this.#defaultTenant, ...raw }
      const { tenantId, name, document } = handled(this.#section, path[1], named)
      return {
        tenantId,
        name,
        document,
        etag: etagOf(isJsonObject(value) ? document : value),
        path,
        raw: value,
      }
    })
  }
}

function entryOf(entries: readonly FileEntry[], tenantId: string, name: string): FileEntry | undefined {
  return entries.find((entry) => entry.tenantId === tenantId && entry.name === name)
}

function contentOf(text: string, section: Section): string | undefined {
  const read = readRegistryText(text)
  if ('problem' in read) return undefined
  const pairs = documentsIn(read, section).map(({ id, value }) => [
    id.startsWith(DESKTOP_PREFIX) ? id : `${section}.${id}`,
    value,
  ])
  return canonicalJson(pairs.toSorted(byFirst))
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

function byFirst([a]: readonly unknown[], [b]: readonly unknown[]): number {
  return String(a) < String(b) ? -1 : 1
}

function etagOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('base64url').slice(0, 27)
}

function identityFor(document: JsonObject): { tenantId: string; name: string } {
  const identity = identityOf(document)
  if (identity === undefined) throw new TypeError('a document to be stored has no name or tenantId')
  return identity
}

async function takeLock(path: string, clock: Clock): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await (await open(path, 'wx', 0o600)).close()
      return
    } catch (error) {
      if (codeOf(error) !== 'EEXIST' || attempt === LOCK_TRIES) throw error
      const madeAt = await stat(path).then(({ mtimeMs }) => mtimeMs, unlessMissing(Infinity))
      if (clock.now() - madeAt > STALE_LOCK_MS) await unlink(path).catch(unlessMissing(undefined))
      // Not the clock's timer: that lets the process end, and here a command line may be waiting.
      else await setTimeout(LOCK_RETRY_MS)
    }
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** A new file is for this user only; an old one keeps mode and owner, as far as this user may give it away. */
async function keepMode(from: string, to: string): Promise<void> {
  const stats = await stat(from).catch(unlessMissing(undefined))
  if (stats === undefined) return
  await chown(to, stats.uid, stats.gid).catch(() => undefined)
  await chmod(to, stats.mode & 0o7777)
}

function unlessMissing<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (codeOf(error) === 'ENOENT') return value
    throw error
  }
}

function codeOf(error: unknown): string | undefined {
  return isJsonObject(error) && typeof error['code'] === 'string' ? error['code'] : undefined
}

function reasonOf(error: unknown): string {
  return codeOf(error) ?? messageOf(error)
}

/** A document that is to be changed is not there any more. */
function goneFrom(section: Section): GatewayError {
  return section === 'servers'
    ? new GatewayError('server_not_found')
    : new GatewayError('precondition_failed', 'The document was removed in the meantime')
}

function unavailable(message: string, cause?: unknown): GatewayError {
  return new GatewayError('store_unavailable', message, { cause })
}
