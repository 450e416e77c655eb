import { readFile } from 'node:fs/promises'
import { messageOf } from '../domain/errors.ts'
import { canonicalJson, isJsonObject, type JsonObject } from '../domain/json.ts'
import { documentsOfDesktopConfig } from '../registry/desktop-config.ts'
import type { RegistryChange, StoredDocument } from '../registry/registry-store.ts'
import { readRegistryText } from '../registry/registry-text.ts'
import { documentOfServerJson, isServerJson, type MissingInput } from '../registry/server-json.ts'
import { CLI_EXIT, CliError } from './cli-error.ts'
import { addressOf, type CliContext } from './context.ts'
import { differencesOf, differencesText } from './registry-changes.ts'
import type { ImportOptions } from './registry-import.ts'
import { checked, fileStore, registryFileOf, told } from './registry-stores.ts'
import { ask } from './rest-client.ts'

const DIFFERS = CLI_EXIT.differs

interface Imported {
  readonly documents: readonly JsonObject[]
  readonly missing: readonly MissingInput[]
  readonly notes: readonly string[]
}

/**
 * Imports a file into a registry file or a running gateway, and says what it did.
 * @returns the exit code
 */
export async function runImport(file: string, options: ImportOptions, context: CliContext): Promise<number> {
  const imported = await importedFrom(file, options)
  for (const note of imported.notes) context.print(`note: ${note}\n`)
  for (const input of imported.missing) context.print(`fill in ${missingText(input)}\n`)
  return options.gateway === true
    ? await intoGateway(imported.documents, options, context)
    : await intoFile(imported.documents, options, context)
}

async function importedFrom(file: string, options: ImportOptions): Promise<Imported> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CliError('data', `${file} cannot be read: ${messageOf(error)}`)
  })
  const value = jsonOf(text)
  if (isServerJson(value)) return importedServer(value, file, options)
  if (isJsonObject(value) && isJsonObject(value['mcpServers'])) {
    const documents = documentsOfDesktopConfig(value['mcpServers']).map(({ id, value: document }) => {
      if (isJsonObject(document)) return document
      throw new CliError('data', `${file}: ${id} is not an object`)
    })
    return { documents, missing: [], notes: [] }
  }
  const read = readRegistryText(text)
  if ('problem' in read)
    throw new CliError('data', `${file} has neither mcpServers nor packages nor remotes (${read.problem})`)
  const documents = read.documents.map(({ id, value: document }) => ({
    name: id,
    ...(isJsonObject(document) ? document : {}),
  }))
  return { documents, missing: [], notes: read.notes }
}

function importedServer(value: unknown, file: string, options: ImportOptions): Imported {
  try {
    const { document, ...rest } = documentOfServerJson(value, {
      values: options.set,
      prefer: options.package === true ? 'package' : 'remote',
      ...(options.name !== undefined && { name: options.name }),
    })
    return { documents: [document], ...rest }
  } catch (error) {
    throw new CliError('data', `${file} cannot be imported: ${messageOf(error)}`)
  }
}

async function intoFile(
  documents: readonly JsonObject[],
  options: ImportOptions,
  context: CliContext,
): Promise<number> {
  const path = options.into ?? registryFileOf(context)
  const store = fileStore(path, context)
  const tenantId = options.tenant ?? (context.env['DEFAULT_TENANT'] || 'local')
  const wanted = checked(
    documents.map((document) =>
      asStored({ tenantId, ...document, ...(options.tenant !== undefined && { tenantId }) }),
    ),
    'the import',
  )
  const there = await told(store.list())
  const names = new Set(wanted.map(keyOf))
  const differences = differencesOf(
    wanted,
    there.filter((stored) => names.has(keyOf(stored))),
  )
  context.print(differencesText(differences, false))
  const taken = differences.filter(({ kind }) => kind === 'changed')
  refuseTaken(
    taken.map(({ key }) => key),
    options,
  )
  if (differences.length === 0) {
    context.print(`nothing to change in ${path}\n`)
    return 0
  }
  if (options.dryRun === true) return DIFFERS
  const changes = differences.map(({ before, after }): RegistryChange => {
    const document = after?.document ?? {}
    return before === undefined
      ? { kind: 'create', document }
      : { kind: 'replace', document, etag: before.etag }
  })
  await told(store.apply(changes))
  context.print(`wrote ${changes.length} ${changes.length === 1 ? 'server' : 'servers'} to ${path}\n`)
  return 0
}

async function intoGateway(
  documents: readonly JsonObject[],
  options: ImportOptions,
  context: CliContext,
): Promise<number> {
  const address = addressOf(options, context)
  const wanted = documents.map((document): JsonObject => ({
    ...document,
    ...(options.tenant !== undefined && { tenantId: options.tenant }),
  }))
  checked(
    wanted.map((document) => asStored({ tenantId: 'local', ...document })),
    'the import',
  )
  const there = new Map<string, JsonObject | undefined>()
  for (const document of wanted) {
    const path = pathOf(document)
    there.set(path, await ask(address, 'GET', path).catch(unlessUnknown))
  }
  const taken = [...there]
    .filter(([, answer]) => answer !== undefined)
    .map(([path]) => path.replace(/^.*\/|\?.*$/g, ''))
  refuseTaken(taken, options)
  if (options.dryRun === true) {
    for (const document of wanted)
      context.print(`${there.get(pathOf(document)) === undefined ? '+' : '~'} ${String(document['name'])}\n`)
    return DIFFERS
  }
  for (const document of wanted) {
    const path = pathOf(document)
    const current = there.get(path)
    if (current === undefined) await ask(address, 'POST', '/v1/servers', document)
    else await ask(address, 'PUT', path, document, { 'if-match': String(current['etag']) })
    context.print(`wrote ${String(document['name'])}\n`)
  }
  return 0
}

function pathOf({ name, tenantId }: JsonObject): string {
  return `/v1/servers/${encodeURIComponent(String(name))}${tenantId === '*' ? '?tenantId=*' : ''}`
}

function unlessUnknown(error: unknown): undefined {
  if (error instanceof CliError && error.message.startsWith('server_not_found')) return undefined
  throw error
}

function refuseTaken(names: readonly string[], { replace }: ImportOptions): void {
  if (names.length === 0 || replace === true) return
  throw new CliError(
    'failed',
    `there already, and nothing was written (--replace replaces): ${names.join(', ')}`,
  )
}

function asStored(document: JsonObject): StoredDocument {
  return {
    tenantId: String(document['tenantId']),
    name: String(document['name']),
    document,
    etag: canonicalJson(document),
  }
}

function keyOf({ tenantId, name }: StoredDocument): string {
  return `${tenantId}/${name}`
}

function missingText({ place, description, isSecret, choices }: MissingInput): string {
  const hints = [
    isSecret ? 'a secret: better secret://<tenant>_<name>' : '',
    choices.length > 0 ? `one of ${choices.join(', ')}` : '',
  ]
  const hint = hints.filter((text) => text !== '').join('; ')
  return `${place}${hint === '' ? '' : ` (${hint})`}${description === undefined ? '' : `: ${description}`}`
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
