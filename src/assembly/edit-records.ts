import type { Administration, AdministrativeAct } from '../audit/administration.ts'
import { digestOf } from '../cache/digest.ts'
import type { Clock } from '../domain/clock.ts'
import type { JsonObject } from '../domain/json/json.ts'
import { changedFields, documentChange } from '../registry/document-change.ts'
import type { RegistryEdit } from '../registry/registry-edits.ts'
import { changeEntry } from '../state/change-entry.ts'
import { stateKey } from '../state/state-key.ts'
import type { StateStore } from '../state/state-store.ts'
import type { Logger } from '../telemetry/logger.ts'

const COLLECTION = 'registry-edits'
/** The replica that made an edit is the first to say so. */
const OTHERS_MS = 3000
/** What has changed in one section of a tenant at once beyond this is one record. */
const MAX_EACH = 20
const MAX_NAMES = 50
const KEEP_MS = 90 * 86_400_000

const KINDS = {
  servers: 'server',
  tenants: 'tenant',
  templates: 'template',
  pipelines: 'pipeline',
  enhancement_rules: 'rule',
} as const

interface EditRecordsOptions {
  readonly acts: Pick<Administration, 'record'>
  readonly store: Pick<StateStore, 'get' | 'put'>
  /** Whether other replicas see the same edits. */
  readonly isShared: boolean
  /** Tenant of the records of documents that are for all tenants. */
  readonly defaultTenant: string
  readonly clock: Clock
  readonly logger: Logger
}

/** Edits that are one record. */
interface Group {
  readonly edits: readonly [RegistryEdit, ...RegistryEdit[]]
  readonly isOwn: boolean
}

/**
 * Records what was edited in the registry by other means than this gateway's API: by whom is not known here, what is.
 * Of replicas that share a registry one records it.
 */
export class EditRecords {
  readonly #options: EditRecordsOptions
  readonly #waiting = new Map<Group, () => void>()
  readonly #working = new Set<Promise<void>>()

  constructor(options: EditRecordsOptions) {
    this.#options = options
  }

  /** Never throws, and nothing is waited for. */
  take(edits: readonly RegistryEdit[]): void {
    for (const group of grouped(edits)) this.#takeGroup(group)
  }

  /** Records what is left at once. Idempotent. */
  async close(): Promise<void> {
    for (const [group, cancel] of this.#waiting) {
      cancel()
      this.#start(group)
    }
    await Promise.all(this.#working)
  }

  #takeGroup(group: Group): void {
    const { isShared, clock } = this.#options
    if (!isShared) {
      if (!group.isOwn) this.#track(this.#record(group))
    } else if (group.isOwn) this.#start(group)
    else
      this.#waiting.set(
        group,
        clock.after(OTHERS_MS, () => this.#start(group)),
      )
  }

  #start(group: Group): void {
    this.#waiting.delete(group)
    this.#track(
      this.#claimed(group).then((isOurs) => (isOurs && !group.isOwn ? this.#record(group) : undefined)),
    )
  }

  #track(work: Promise<void>): void {
    this.#working.add(work)
    void work.finally(() => this.#working.delete(work))
  }

  /** Whether no replica has claimed it yet. It is rather recorded twice than not at all. */
  async #claimed({ edits }: Group): Promise<boolean> {
    const { store, clock, logger } = this.#options
    const [{ section, tenantId, name }] = edits
    const key = stateKey(section, tenantId, edits.length === 1 ? name : '')
    const value = digestOf(...edits.map((edit) => [edit.name, edit.after ?? null]))
    try {
      return await changeEntry(store, { collection: COLLECTION, key }, (before) => {
        if (before?.value === value) return { result: false }
        return { result: true, write: { value, expiresAt: clock.now() + KEEP_MS } }
      })
    } catch (error) {
      logger.debug({ err: error }, 'an edit of the registry may be recorded by several replicas')
      return true
    }
  }

  #record({ edits }: Group): Promise<void> {
    const { acts, defaultTenant: tenantId } = this.#options
    const principal = { tenantId, subject: 'registry' }
    const act = edits.length === 1 ? actOf(edits[0]) : sumOf(edits)
    return acts.record({ principal, requestId: 'registry', face: 'registry' }, act)
  }
}

function grouped(edits: readonly RegistryEdit[]): Group[] {
  const bySection = Map.groupBy(edits, ({ section, tenantId, isOwn }) => `${section} ${tenantId} ${isOwn}`)
  return [...bySection.values()].flatMap(([first, ...rest]): Group[] => {
    if (first === undefined) return []
    if (rest.length < MAX_EACH) return [first, ...rest].map((edit) => ({ edits: [edit], isOwn: edit.isOwn }))
    return [{ edits: [first, ...rest], isOwn: first.isOwn }]
  })
}

function actOf({ section, tenantId, name, before, after, isUnseen }: RegistryEdit): AdministrativeAct {
  const isKnown = isUnseen === undefined || before === undefined
  const change = section === 'servers' ? documentChange(before, after) : changedFields(before, after)
  const done = before === undefined ? 'create' : after === undefined ? 'remove' : 'replace'
  return {
    action: `${KINDS[section]}.${done}`,
    object: { tenantId, name },
    ...(section === 'servers' && { server: name }),
    change: { inRegistry: true, ...(isUnseen && { whileStopped: true }), ...(isKnown && change) },
  }
}

function sumOf(edits: readonly [RegistryEdit, ...RegistryEdit[]]): AdministrativeAct {
  const [{ section, tenantId, isUnseen }] = edits
  const change: JsonObject = {
    inRegistry: true,
    ...(isUnseen && { whileStopped: true }),
    created: namesOf(edits.filter(({ before }) => before === undefined)),
    removed: namesOf(edits.filter(({ after }) => after === undefined)),
    replaced: namesOf(edits.filter(({ before, after }) => before !== undefined && after !== undefined)),
  }
  return {
    action: `${KINDS[section]}.replace`,
    object: { tenantId, name: `${edits.length} documents` },
    change,
  }
}

function namesOf(edits: readonly RegistryEdit[]): JsonObject {
  return { count: edits.length, names: edits.slice(0, MAX_NAMES).map(({ name }) => name) }
}
