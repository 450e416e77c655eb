import { Command } from 'commander'
import { systemClock } from '../domain/clock.ts'
import { GatewayError, messageOf } from '../domain/errors.ts'
import { FileStore } from '../registry/file-store.ts'
import { FirestoreStore } from '../registry/firestore-store.ts'
import type { RegistryChange, StoredDocument } from '../registry/registry-store.ts'
import { problemsOfRegistry } from '../registry/validate.ts'
import { openFirestore } from '../store/firestore.ts'
import { CLI_EXIT, CliError } from './cli-error.ts'
import type { CliContext } from './context.ts'
import { changesOf, differencesOf, differencesText } from './registry-changes.ts'

const DIFFERS = CLI_EXIT.differs

interface SyncOptions {
  readonly dryRun?: boolean
  readonly prune?: boolean
  readonly yes?: boolean
  readonly tenant?: string
}

interface Outcome {
  readonly differences: ReturnType<typeof differencesOf>
  /** Sentence without full stop. */
  readonly target: string
  readonly apply: (changes: readonly RegistryChange[]) => Promise<void>
}

/** `registry push FILE` and `registry pull [FILE]`. */
export function pushCommand(context: CliContext, onExitCode: (code: number) => void): Command {
  return withSyncOptions(new Command('push'))
    .description('make Firestore say what a registry file says, after showing the difference')
    .argument('<file>', 'the registry file, YAML or JSON')
    .action(async (file: string, options: SyncOptions) => {
      const source = await existing(fileStore(file, context), file)
      await withFirestore(context, async (store) => {
        const wanted = checked(inTenant(source, options), file)
        const there = inTenant(await told(store.list()), options)
        const target = 'Firestore'
        onExitCode(
          await settle(
            {
              differences: differencesOf(wanted, there),
              target,
              apply: (changes) => applyEach(store, changes, context),
            },
            options,
            context,
          ),
        )
      })
    })
}

export function pullCommand(context: CliContext, onExitCode: (code: number) => void): Command {
  return withSyncOptions(new Command('pull'))
    .description('make a registry file say what Firestore says, after showing the difference')
    .argument('[file]', 'the registry file (default: REGISTRY_FILE, or DATA_DIR/registry.yaml)')
    .action(async (given: string | undefined, options: SyncOptions) => {
      const file = given ?? registryFileOf(context)
      const target = fileStore(file, context)
      await withFirestore(context, async (store) => {
        const wanted = checked(inTenant(await told(store.list()), options), 'Firestore')
        const there = inTenant(await told(target.list()), options)
        const apply = (changes: readonly RegistryChange[]): Promise<void> => told(target.apply(changes))
        onExitCode(
          await settle({ differences: differencesOf(wanted, there), target: file, apply }, options, context),
        )
      })
    })
}

/** The registry file that a gateway with this environment uses. */
export function registryFileOf({ env }: CliContext): string {
  return env['REGISTRY_FILE'] || `${env['DATA_DIR'] || '.data'}/registry.yaml`
}

export function fileStore(path: string, { env }: CliContext): FileStore {
  return new FileStore({ path, defaultTenant: env['DEFAULT_TENANT'] || 'local', clock: systemClock })
}

/** What a store does, with its refusals in words for the command line. */
export async function told<T>(doing: Promise<T>): Promise<T> {
  try {
    return await doing
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    const cause = error.cause === undefined ? '' : ` (${messageOf(error.cause)})`
    throw new CliError(
      error.code === 'store_unavailable' ? 'unavailable' : 'failed',
      `${error.code}: ${error.message}${cause}`,
    )
  }
}

/** The documents, if every one of them is valid. @throws CliError `data` with every problem */
export function checked(documents: readonly StoredDocument[], where: string): readonly StoredDocument[] {
  const wrong = problemsOfRegistry(documents.map(({ document }) => document))
  if (wrong.length === 0) return documents
  const lines = wrong.flatMap(({ name, problems }) => problems.map((problem) => `  ${name}: ${problem}`))
  throw new CliError(
    'data',
    `${where} has servers that are not valid; nothing was written:\n${lines.join('\n')}`,
  )
}

/** Whether the person agrees, or agreed beforehand. @throws CliError `usage` where nobody can be asked */
async function agreed(question: string, { yes }: SyncOptions, { confirm }: CliContext): Promise<boolean> {
  if (yes === true) return true
  if (confirm === undefined)
    throw new CliError('usage', 'there is no terminal to confirm at: give --yes or --dry-run')
  return await confirm(question)
}

function withSyncOptions(command: Command): Command {
  return command
    .option('--dry-run', `show the difference and write nothing; exit code ${DIFFERS} when there is one`)
    .option('--prune', 'also remove servers that are only in the target')
    .option('--yes', 'do not ask before writing')
    .option('--tenant <id>', "only servers of this tenant, or '*' for those of all tenants")
    .addHelpText(
      'after',
      `
Firestore is found by GOOGLE_CLOUD_PROJECT and FIRESTORE_DATABASE (default: (default)) with the credentials of the
environment, or by FIRESTORE_EMULATOR_HOST. Values of env, headers and auth are never shown.
Exit codes: 0 nothing to do, or done; 1 refused or changed meanwhile; ${DIFFERS} a dry run found a difference;
65 a document is not valid; 69 Firestore or the file cannot be had; 78 no project is named.`,
    )
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
  task: (store: FirestoreStore) => Promise<void>,
): Promise<void> {
  const { GOOGLE_CLOUD_PROJECT: projectId, FIRESTORE_DATABASE: databaseId } = context.env
  if (projectId === undefined || projectId === '') {
    throw new CliError('config', 'GOOGLE_CLOUD_PROJECT is not set: it names the project that Firestore is in')
  }
  const client = openFirestore({ projectId, databaseId: databaseId || '(default)' })
  try {
    await task(new FirestoreStore({ db: client.db, clock: systemClock }))
  } catch (error) {
    // What is still waiting for an answer would fail when the client ends, where nobody can catch it.
    if (error instanceof CliError && error.exitCode === CLI_EXIT.unavailable) throw error
    await client.close()
    throw error
  }
  await client.close()
}

async function existing(store: FileStore, file: string): Promise<StoredDocument[]> {
  const documents = await told(store.list())
  if (documents.length === 0) throw new CliError('data', `${file} does not exist or has no servers`)
  return documents
}

function inTenant(documents: readonly StoredDocument[], { tenant }: SyncOptions): StoredDocument[] {
  return documents.filter(({ tenantId }) => tenant === undefined || tenantId === tenant)
}
