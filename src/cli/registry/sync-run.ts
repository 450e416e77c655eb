import { environmentRules } from './environment-rules.ts'
import { systemClock } from '../../domain/clock.ts'
import { eachSection, type Section } from '../../registry/collections.ts'
import { FirestoreStore } from '../../registry/firestore/firestore-store.ts'
import type { RegistryChange, StoredDocument } from '../../registry/registry-store.ts'
import { connectFirestore, type FirestoreClient } from '../../firestore/firestore.ts'
import { GoogleCredentialsError } from '../../firestore/google-credentials.ts'
import { CLI_EXIT, CliError } from '../cli-error.ts'
import type { CliContext } from '../context.ts'
import { changesOf, differencesOf, differencesText } from './registry-changes.ts'
import { fileStore, registryFileOf, told } from './registry-stores.ts'
import {
  countText,
  firstOfEachName,
  inTenant,
  keyOf,
  labelled,
  labelOf,
  type RegistryDocuments,
  refusedIn,
  SECTIONS,
} from './sync-sections.ts'

/** What `registry push` and `registry pull` were told. */
export interface SyncOptions {
  readonly dryRun?: boolean
  readonly prune?: boolean
  readonly yes?: boolean
  readonly tenant?: string
  readonly skipInvalid?: boolean
}

interface Target {
  readonly name: string
  readonly documents: RegistryDocuments
  readonly apply: (section: Section, changes: readonly RegistryChange[]) => Promise<void>
}

/** Makes Firestore say what a registry file says. @returns the exit code */
export async function runPush(file: string, options: SyncOptions, context: CliContext): Promise<number> {
  const all = await inFile(file, context)
  if (SECTIONS.every((section) => all[section].length === 0))
    throw new CliError('data', `${file} does not exist or is empty`)
  return await withFirestore(context, async (client) => {
    const source = inTenant(usable(all, file, options, context), options.tenant)
    const store = storeIn(client)
    const there = await sections((section) => told(store(section).list()))
    const target: Target = {
      name: 'Firestore',
      documents: inTenant(there, options.tenant),
      apply: (section, changes) => applyEach(store(section), changes, context),
    }
    return await settle(source, target, options, context)
  })
}

/** Makes a registry file say what Firestore says, be it right or wrong. @returns the exit code */
export async function runPull(
  given: string | undefined,
  options: SyncOptions,
  context: CliContext,
): Promise<number> {
  const file = given ?? registryFileOf(context)
  return await withFirestore(context, async (client) => {
    const store = storeIn(client)
    const { documents: all, others } = firstOfEachName(
      await sections((section) => told(store(section).listAll())),
    )
    for (const label of others)
      context.printError(`warning: left out: another ${label}, which no gateway uses because of its name\n`)
    for (const line of problemLines(all, refusedIn(all, environmentRules(context.env)), options))
      context.printError(`warning: copied although it is not valid: ${line}\n`)
    const target: Target = {
      name: file,
      documents: inTenant(await inFile(file, context), options.tenant),
      apply: (section, changes) => told(fileStore(file, context, section).apply(changes)),
    }
    return await settle(inTenant(all, options.tenant), target, options, context)
  })
}

async function inFile(file: string, context: CliContext): Promise<RegistryDocuments> {
  return await sections((section) => told(fileStore(file, context, section).list()))
}

/**
 * The documents that a gateway would take.
 * @throws CliError `data` with what it would refuse, unless that is skipped
 */
function usable(
  all: RegistryDocuments,
  file: string,
  options: SyncOptions,
  { printError, env }: CliContext,
): RegistryDocuments {
  const refused = refusedIn(all, environmentRules(env))
  const lines = problemLines(all, refused, options)
  if (lines.length === 0) return all
  if (options.skipInvalid !== true) {
    throw new CliError(
      'data',
      `${file} has documents that are not valid; nothing was written (--skip-invalid leaves them out):\n${lines.map((line) => `  ${line}`).join('\n')}`,
    )
  }
  for (const line of lines) printError(`warning: skipped because it is not valid: ${line}\n`)
  return eachSection((section) =>
    all[section].filter((stored) => refused.get(section)?.has(keyOf(stored)) !== true),
  )
}

function problemLines(
  all: RegistryDocuments,
  refused: ReturnType<typeof refusedIn>,
  { tenant }: SyncOptions,
): string[] {
  const chosen = inTenant(all, tenant)
  return SECTIONS.flatMap((section) => {
    const keys = new Set(chosen[section].map(keyOf))
    return [...(refused.get(section) ?? [])]
      .filter(([key]) => keys.has(key))
      .map(([key, reason]) => `${labelOf(section, key)}: ${reason}`)
  })
}

async function settle(
  source: RegistryDocuments,
  target: Target,
  options: SyncOptions,
  context: CliContext,
): Promise<number> {
  const prune = options.prune === true
  const changes = new Map<Section, RegistryChange[]>()
  for (const section of SECTIONS) {
    const differences = differencesOf(source[section], target.documents[section])
    context.print(differencesText(labelled(section, differences), prune))
    changes.set(section, changesOf(differences.filter((one) => prune || one.kind !== 'removed')))
  }
  const what = `${countText(Object.fromEntries(changes))} in ${target.name}`
  if ([...changes.values()].every((list) => list.length === 0)) {
    context.print(`nothing to change in ${target.name}\n`)
    return CLI_EXIT.ok
  }
  if (options.dryRun === true) return CLI_EXIT.differs
  if (!(await agreed(`Change ${what}?`, options, context)))
    throw new CliError('failed', 'nothing was written')
  for (const [section, list] of changes) if (list.length > 0) await target.apply(section, list)
  context.print(`changed ${what}\n`)
  return CLI_EXIT.ok
}

/** Whether the person agrees, or agreed beforehand. @throws CliError `usage` where nobody can be asked */
async function agreed(question: string, { yes }: SyncOptions, { confirm }: CliContext): Promise<boolean> {
  if (yes === true) return true
  if (confirm === undefined)
    throw new CliError('usage', 'cannot ask for confirmation without a terminal: use --yes or --dry-run')
  return await confirm(question)
}

/** Firestore takes one document at a time: what was written stays when a later one is refused, and a repeat goes on. */
async function applyEach(
  store: FirestoreStore,
  changes: readonly RegistryChange[],
  { print }: CliContext,
): Promise<void> {
  let done = 0
  try {
    for (const change of changes) {
      if (change.kind === 'create') await store.create(change.document)
      else if (change.kind === 'replace') await store.replace(change.document, change.etag)
      else await store.remove(change.tenantId, change.name, change.etag)
      done += 1
    }
  } catch (error) {
    if (done > 0) print(`${done} of ${changes.length} were written before this:\n`)
    return await told(Promise.reject(error))
  }
}

function storeIn({ db }: FirestoreClient): (section: Section) => FirestoreStore {
  const stores = eachSection((section) => new FirestoreStore({ db, section, clock: systemClock }))
  return (section) => stores[section]
}

async function sections(
  read: (section: Section) => Promise<readonly StoredDocument[]>,
): Promise<RegistryDocuments> {
  const [tenants = [], templates = [], servers = [], pipelines = [], rules = []] = await Promise.all(
    SECTIONS.map(read),
  )
  return { tenants, templates, servers, pipelines, enhancement_rules: rules }
}

async function withFirestore(
  context: CliContext,
  task: (client: FirestoreClient) => Promise<number>,
): Promise<number> {
  const { GOOGLE_CLOUD_PROJECT: projectId, FIRESTORE_DATABASE: databaseId } = context.env
  if (projectId === undefined || projectId === '') {
    throw new CliError('config', 'GOOGLE_CLOUD_PROJECT is not set: it names the project that Firestore is in')
  }
  const client = await connected({ projectId, databaseId: databaseId || '(default)' })
  try {
    return await task(client)
  } finally {
    await client.close()
  }
}

async function connected(database: { projectId: string; databaseId: string }): Promise<FirestoreClient> {
  try {
    return await connectFirestore(database)
  } catch (error) {
    if (error instanceof GoogleCredentialsError) throw new CliError('unavailable', error.message)
    throw error
  }
}
