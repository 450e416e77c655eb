import { systemClock } from '../domain/clock.ts'
import type { FileStore } from '../registry/file-store.ts'
import { FirestoreStore } from '../registry/firestore-store.ts'
import type { RegistryChange, StoredDocument } from '../registry/registry-store.ts'
import { connectFirestore, type FirestoreClient } from '../store/firestore.ts'
import { GoogleCredentialsError } from '../store/google-credentials.ts'
import { CLI_EXIT, CliError } from './cli-error.ts'
import type { CliContext } from './context.ts'
import { changesOf, differencesOf, differencesText } from './registry-changes.ts'
import { checked, fileStore, registryFileOf, told } from './registry-stores.ts'
import type { SyncOptions } from './registry-sync.ts'

const DIFFERS = CLI_EXIT.differs

interface Outcome {
  readonly differences: ReturnType<typeof differencesOf>
  /** Sentence without full stop. */
  readonly target: string
  readonly apply: (changes: readonly RegistryChange[]) => Promise<void>
}

/** Makes Firestore say what a registry file says. @returns the exit code */
export async function runPush(file: string, options: SyncOptions, context: CliContext): Promise<number> {
  const source = await existing(fileStore(file, context), file)
  return await withFirestore(context, async (store) => {
    const wanted = checked(inTenant(source, options), file)
    const there = inTenant(await told(store.list()), options)
    const apply = (changes: readonly RegistryChange[]): Promise<void> => applyEach(store, changes, context)
    return await settle(
      { differences: differencesOf(wanted, there), target: 'Firestore', apply },
      options,
      context,
    )
  })
}

/** Makes a registry file say what Firestore says. @returns the exit code */
export async function runPull(
  given: string | undefined,
  options: SyncOptions,
  context: CliContext,
): Promise<number> {
  const file = given ?? registryFileOf(context)
  const target = fileStore(file, context)
  return await withFirestore(context, async (store) => {
    const wanted = checked(inTenant(await told(store.list()), options), 'Firestore')
    const there = inTenant(await told(target.list()), options)
    const apply = (changes: readonly RegistryChange[]): Promise<void> => told(target.apply(changes))
    return await settle({ differences: differencesOf(wanted, there), target: file, apply }, options, context)
  })
}

/** Whether the person agrees, or agreed beforehand. @throws CliError `usage` where nobody can be asked */
async function agreed(question: string, { yes }: SyncOptions, { confirm }: CliContext): Promise<boolean> {
  if (yes === true) return true
  if (confirm === undefined)
    throw new CliError('usage', 'there is no terminal to confirm at: give --yes or --dry-run')
  return await confirm(question)
}

async function settle(
  { differences, target, apply }: Outcome,
  options: SyncOptions,
  context: CliContext,
): Promise<number> {
  const prune = options.prune === true
  context.print(differencesText(differences, prune))
  const changes = changesOf(differences.filter(({ kind }) => prune || kind !== 'removed'))
  if (changes.length === 0) {
    context.print(`nothing to change in ${target}\n`)
    return 0
  }
  if (options.dryRun === true) return DIFFERS
  const what = `${changes.length} ${changes.length === 1 ? 'server' : 'servers'} in ${target}`
  if (!(await agreed(`Change ${what}?`, options, context))) {
    throw new CliError('failed', 'nothing was written')
  }
  await apply(changes)
  context.print(`changed ${what}\n`)
  return 0
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

async function withFirestore(
  context: CliContext,
  task: (store: FirestoreStore) => Promise<number>,
): Promise<number> {
  const { GOOGLE_CLOUD_PROJECT: projectId, FIRESTORE_DATABASE: databaseId } = context.env
  if (projectId === undefined || projectId === '') {
    throw new CliError('config', 'GOOGLE_CLOUD_PROJECT is not set: it names the project that Firestore is in')
  }
  const client = await connected({ projectId, databaseId: databaseId || '(default)' })
  try {
    const code = await task(new FirestoreStore({ db: client.db, clock: systemClock }))
    await client.close()
    return code
  } catch (error) {
    // What is still waiting for an answer would fail when the client ends, where nobody can catch it.
    if (error instanceof CliError && error.exitCode === CLI_EXIT.unavailable) throw error
    await client.close()
    throw error
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

async function existing(store: FileStore, file: string): Promise<StoredDocument[]> {
  const documents = await told(store.list())
  if (documents.length === 0) throw new CliError('data', `${file} does not exist or has no servers`)
  return documents
}

function inTenant(documents: readonly StoredDocument[], { tenant }: SyncOptions): StoredDocument[] {
  return documents.filter(({ tenantId }) => tenant === undefined || tenantId === tenant)
}
