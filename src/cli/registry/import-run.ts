import { canonicalJson, type JsonObject } from '../../domain/json/json.ts'
import type { StoredDocument } from '../../registry/registry-store.ts'
import type { ServerRules } from '../../registry/documents/check-server.ts'
import { environmentRules } from './environment-rules.ts'
import { problemsOfRegistry } from '../../registry/documents/validate.ts'
import { CLI_EXIT, CliError } from '../cli-error.ts'
import { asJson, type CliContext } from '../context.ts'
import { adapted, isOpen, replacing } from './import-merge.ts'
import { type Imported, type ImportOptions, readImport } from './import-read.ts'
import { type ImportChange, type ImportTarget, openTarget } from './import-target.ts'
import { secretMove } from './move-secrets.ts'
import { differencesOf, differencesText } from './registry-changes.ts'

/** What an import would do, and what it cannot. */
interface Plan {
  readonly changes: readonly ImportChange[]
  /** Names of servers that are there and differ, and stay. */
  readonly clashes: readonly string[]
  readonly refused: readonly { readonly name: string; readonly problems: readonly string[] }[]
  /** Names of added servers that every token of the tenant may use. */
  readonly open: readonly string[]
}

/**
 * Imports a file into a registry file or a running gateway, and says what it did. What cannot be imported hinders
 * nothing else.
 * @returns the exit code
 */
export async function runImport(file: string, options: ImportOptions, context: CliContext): Promise<number> {
  const read = await readImport(file, options)
  const target = await openTarget(options, context)
  const { imported, write } = await secretMove(read, target, options, context)
  const plan = await planOf(imported, target, { ...options, rules: rulesAt(target, context) })
  if (options.json !== true) context.print(planText(imported, plan, target))
  const isDry = options.dryRun === true
  if (plan.changes.length > 0) {
    if (isDry) await printSimulation(plan, target, options, context)
    else await write().then(() => target.write(plan.changes))
  }
  if (options.json === true) context.print(asJson(planJson(imported, plan, target, options)))
  else if (!isDry) context.print(`${outcomeText(plan, target)}\n`)
  failForRest(plan, options)
  return isDry && plan.changes.length > 0 ? CLI_EXIT.differs : CLI_EXIT.ok
}

/** A running gateway applies its own settings when it is asked to write. */
function rulesAt({ simulation }: ImportTarget, { env }: CliContext): ServerRules {
  return simulation === undefined ? environmentRules(env) : () => []
}

async function printSimulation(
  { changes }: Plan,
  target: ImportTarget,
  { json }: ImportOptions,
  { print }: CliContext,
): Promise<void> {
  if (json !== true && target.simulation !== undefined) print(await target.simulation(changes))
}

/** @throws CliError for what was not imported */
function failForRest({ refused, clashes }: Plan, { skipExisting }: ImportOptions): void {
  if (refused.length > 0) {
    const lines = refused.flatMap(({ name, problems }) => problems.map((text) => `  ${name}: ${text}`))
    throw new CliError('data', `these servers are not valid and were left out:\n${lines.join('\n')}`)
  }
  if (clashes.length > 0 && skipExisting !== true) {
    throw new CliError(
      'failed',
      `these servers already exist and were not changed (--replace replaces them, --prefix imports them under other names, --skip-existing skips them): ${clashes.join(', ')}`,
    )
  }
}

async function planOf(
  { documents }: Imported,
  target: ImportTarget,
  { rules, ...options }: ImportOptions & { rules: ServerRules },
): Promise<Plan> {
  const wanted = documents.map((given) => {
    const own = { tenantId: target.tenantId, ...adapted(given, options) }
    return asStored(options.tenant === undefined ? own : { ...own, tenantId: options.tenant })
  })
  const changes: ImportChange[] = []
  const clashes: string[] = []
  const open: string[] = []
  const problems = new Map<string, readonly string[]>()
  const note = (found: ReturnType<typeof problemsOfRegistry>): void =>
    found.forEach((one) => problems.set(one.name, one.problems))
  note(
    problemsOfRegistry(
      wanted.map(({ document }) => document),
      rules,
    ),
  )
  for (const after of wanted.filter((stored) => !problems.has(keyOf(stored)))) {
    const before = await target.find(after)
    const change = before === undefined ? { before, after } : replacement(before, after, options)
    const isSame =
      before !== undefined &&
      canonicalJson(target.shown(change.after.document)) === canonicalJson(before.document)
    if (isSame) continue
    if (before !== undefined && options.replace !== true) clashes.push(keyOf(after))
    else {
      note(problemsOfRegistry([change.after.document], rules))
      if (problems.has(keyOf(after))) continue
      changes.push(change)
      if (before === undefined && isOpen(change.after.document)) open.push(change.after.name)
    }
  }
  return { changes, clashes, open, refused: [...problems].map(([name, list]) => ({ name, problems: list })) }
}

/** Who may use the server stays, unless other roles are asked for. */
function replacement(before: StoredDocument, after: StoredDocument, { roles }: ImportOptions): ImportChange {
  const { requiredRoles, ...connection } = after.document
  const merged = replacing(connection, before.document)
  const document = roles === undefined ? merged : { ...merged, requiredRoles }
  return { before, after: asStored(document) }
}

function planText(imported: Imported, plan: Plan, target: ImportTarget): string {
  const differences = differencesOf(
    plan.changes.map(({ after }) => ({ ...after, document: target.shown(after.document) })),
    plan.changes.flatMap(({ before }) => before ?? []),
  )
  const openTo =
    plan.open.length === 0
      ? []
      : [
          `note: every token of the tenant may use ${plan.open.join(', ')}; --roles a,b asks callers for one of these roles`,
        ]
  const lines = [
    ...imported.notes.map((note) => `note: ${note}`),
    ...imported.missing.map((text) => `fill in ${text}`),
  ]
  return `${lines.map((line) => `${line}\n`).join('')}${differencesText(differences, false)}${openTo.map((line) => `${line}\n`).join('')}`
}

function planJson(
  imported: Imported,
  { changes, clashes, refused, open }: Plan,
  target: ImportTarget,
  { dryRun }: ImportOptions,
): JsonObject {
  const named = (isNew: boolean): string[] =>
    changes.filter(({ before }) => (before === undefined) === isNew).map(({ after }) => keyOf(after))
  return {
    target: target.name,
    isWritten: dryRun !== true,
    added: named(true),
    replaced: named(false),
    existing: clashes,
    refused,
    openToEveryToken: open,
    fillIn: imported.missing,
    notes: imported.notes,
  }
}

function outcomeText({ changes }: Plan, { name }: ImportTarget): string {
  if (changes.length === 0) return `nothing to change in ${name}`
  return `wrote ${changes.length} ${changes.length === 1 ? 'server' : 'servers'} to ${name}`
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
