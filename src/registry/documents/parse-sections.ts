import { type EnhancementRule, enhancementRuleSchema } from '../../domain/documents/enhancement-rule.ts'
import { guarded } from '../../domain/errors/guarded.ts'
import { canonicalJson, isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { problemLine, problemsOf } from '../../domain/documents/problems.ts'
import { ALL_TENANTS, TENANT_ID } from '../../domain/principal.ts'
import type { QuarantinedDocument, Snapshot } from '../../domain/snapshot.ts'
import { type LastGood, parseRegistry, prepareServers } from './parse.ts'
import { onceEach, ParseMemory } from './parse-memory.ts'
import type { CheckedServer, Checks } from './check-server.ts'
import { type CheckedRaw, checkRaw, parseRaw, rawId, type RawSection, rawRefusal } from './parse-raw.ts'
import type { RegistryDocument } from './registry-document.ts'
import { parsePipeline, parsePipelines } from './parse-pipelines.ts'
import { readTemplate, Templates } from './templates.ts'
import { isDisabledTenant, isKnownTenant, ownerOf, type Tenants } from '../tenants.ts'

/** The documents of which a snapshot is made. */
export type SnapshotDocuments = Readonly<Record<'servers' | RawSection, readonly RegistryDocument[]>>

/** The checks of one registry's documents, of which only those of changed ones are made again. */
export class SectionMemory {
  readonly servers = new ParseMemory<CheckedServer>()
  readonly raw = new ParseMemory<CheckedRaw>()

  /** Forgets the documents that were not asked for since the last call. */
  settle(): void {
    this.servers.settle()
    this.raw.settle()
  }
}

type Belonging = {
  readonly tenants: Tenants
  readonly defaultTenant: string | undefined
  /** Of earlier checks; by default every document is checked. */
  readonly memory?: SectionMemory
}

const RAW_SECTIONS = ['templates', 'pipelines', 'enhancement_rules'] as const
/** What a document means by itself, of each section. */
const MEANINGS: Readonly<Record<RawSection, (document: JsonObject) => unknown>> = {
  templates: readTemplate,
  pipelines: parsePipeline,
  enhancement_rules: (document) => checkedRule(document),
}

/** Checks new documents in small batches, so that `parseSections` finds them in the memory. */
export async function prepareSections(
  documents: SnapshotDocuments,
  options: { memory: SectionMemory; defaultTenant: string | undefined; checks?: Checks },
): Promise<void> {
  const { memory, defaultTenant, checks } = options
  await prepareServers(documents.servers, { memory: memory.servers, defaultTenant, ...checks })
  for (const section of RAW_SECTIONS) {
    const tenant = section === 'templates' ? ALL_TENANTS : defaultTenant
    await memory.raw.prepare(
      documents[section].map((document) => ({
        id: rawId(section, document.id),
        value: document.value,
        check: () => {
          const raw = checkRaw(document, tenant)
          if (raw.problems.length === 0) MEANINGS[section](raw.document)
          return raw
        },
      })),
    )
  }
}

/**
 * Turns the documents of a registry into a snapshot, see `parseRegistry` and `parseRaw`; servers that use a template
 * are expanded. If there are tenant documents, documents of any other tenant are refused.
 * @param options.defaultTenant tenant of documents that name none, and always known; without it each document must name
 * one
 */
export function parseSections(
  options: Belonging & {
    /** How documents of servers are checked. */
    checks?: Checks
    documents: SnapshotDocuments
    previous: LastGood
    generation: number
  },
): { snapshot: Snapshot; lastGood: LastGood } {
  const { documents, previous, generation, defaultTenant } = options
  const { known, strangers } = sifted(documents.servers, options)
  const templates = templateSection(documents.templates, options)
  const { snapshot, lastGood } = parseRegistry({
    ...options.checks,
    documents: known,
    defaultTenant,
    templates: templates.usable,
    previous,
    generation,
    ...(options.memory !== undefined && { memory: options.memory.servers }),
  })
  const kept = strangers.flatMap(({ id }) => {
    const good = previous.get(id)
    return good === undefined ? [] : [[id, good] as const]
  })
  const pipelines = pipelineSection(documents.pipelines, options)
  const rules = ruleSection(documents.enhancement_rules, options)
  options.memory?.settle()
  return {
    snapshot: {
      ...snapshot,
      templates: templates.documents,
      pipelines: pipelines.valid,
      enhancementRules: rules.valid,
      quarantined: [
        ...strangers.map((document) => strangerEntry(document, options)),
        ...snapshot.quarantined,
        ...templates.quarantined,
        ...pipelines.quarantined,
        ...rules.quarantined,
      ],
    },
    lastGood: new Map([...lastGood, ...kept]),
  }
}

/** Whether two snapshots differ at most in their generation. */
export function isSameSnapshot(a: Snapshot | undefined, b: Snapshot): boolean {
  if (a === undefined) return false
  return (
    isSameMap(a.servers, b.servers) &&
    isSameMap(a.templates, b.templates) &&
    isSameMap(a.pipelines, b.pipelines) &&
    isSameMap(a.enhancementRules, b.enhancementRules) &&
    canonicalJson(a.quarantined) === canonicalJson(b.quarantined)
  )
}

/** Unchanged documents are mostly the same objects, so they are compared by identity first. */
function isSameMap(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  if (a.size !== b.size) return false
  return [...b].every(([key, value]) => {
    const before = a.get(key)
    return before === value || (before !== undefined && canonicalJson(before) === canonicalJson(value))
  })
}

/** Templates that name no tenant are for all tenants, because they contain no data of any tenant. */
function templateSection(
  documents: readonly RegistryDocument[],
  belonging: Belonging,
): ReturnType<typeof parseRaw> & { usable: Templates } {
  const raw = rawSection('templates', documents, belonging, ALL_TENANTS)
  const usable = new Templates()
  const quarantined = [...raw.quarantined]
  for (const [id, document] of raw.documents) {
    const problems = usable.add(document)
    if (problems.length === 0) continue
    raw.documents.delete(id)
    quarantined.push(rawRefusal('templates', id, ownerOf(document), problems.join('; ').slice(0, 2000)))
  }
  return { documents: raw.documents, quarantined, usable }
}

function ruleSection(
  documents: readonly RegistryDocument[],
  belonging: Belonging,
): { valid: Map<string, EnhancementRule>; quarantined: QuarantinedDocument[] } {
  const raw = rawSection('enhancement_rules', documents, belonging)
  const valid = new Map<string, EnhancementRule>()
  const quarantined = [...raw.quarantined]
  for (const [id, document] of raw.documents) {
    const { rule, reason } = checkedRule(document)
    if (rule !== undefined) valid.set(id, rule)
    else quarantined.push(rawRefusal('enhancement_rules', id, ownerOf(document), reason.slice(0, 2000)))
  }
  return { valid, quarantined }
}

const checkedRule = onceEach((document: JsonObject) =>
  guarded<{ rule: EnhancementRule | undefined; reason: string }>(
    () => {
      const { data, error } = enhancementRuleSchema.safeParse(document)
      return {
        rule: data,
        reason:
          data === undefined ? problemsOf(error, enhancementRuleSchema).map(problemLine).join('; ') : '',
      }
    },
    (reason) => ({ rule: undefined, reason }),
  ),
)

function pipelineSection(
  documents: readonly RegistryDocument[],
  belonging: Belonging,
): ReturnType<typeof parsePipelines> {
  const raw = rawSection('pipelines', documents, belonging)
  const parsed = parsePipelines(raw.documents)
  return { valid: parsed.valid, quarantined: [...raw.quarantined, ...parsed.quarantined] }
}

function rawSection(
  section: RawSection,
  documents: readonly RegistryDocument[],
  belonging: Belonging,
  defaultTenant = belonging.defaultTenant,
): ReturnType<typeof parseRaw> {
  const { known, strangers } = sifted(documents, belonging)
  const raw = parseRaw(section, known, { defaultTenant, memory: belonging.memory?.raw })
  const refused = strangers.map((document) =>
    rawRefusal(section, document.id, ownerOf(document.value), strangerReason(document, belonging)),
  )
  return { documents: raw.documents, quarantined: [...refused, ...raw.quarantined] }
}

function sifted(
  documents: readonly RegistryDocument[],
  { tenants, defaultTenant }: Belonging,
): { known: RegistryDocument[]; strangers: RegistryDocument[] } {
  const isStranger = ({ value }: RegistryDocument): boolean => {
    const tenantId = isJsonObject(value) ? (value['tenantId'] ?? defaultTenant) : undefined
    if (typeof tenantId !== 'string' || !TENANT_ID.test(tenantId)) return false
    if (isDisabledTenant(tenants, tenantId)) return true
    return tenantId !== defaultTenant && !isKnownTenant(tenants, tenantId)
  }
  return {
    known: documents.filter((document) => !isStranger(document)),
    strangers: documents.filter(isStranger),
  }
}

function strangerEntry(document: RegistryDocument, belonging: Belonging): QuarantinedDocument {
  const name = isJsonObject(document.value) ? document.value['name'] : undefined
  return {
    id: document.id,
    name: typeof name === 'string' ? name.slice(0, 64) : document.id,
    tenantId: ownerOf(document.value) ?? belonging.defaultTenant,
    reason: strangerReason(document, belonging),
    lastGoodServes: false,
  }
}

function strangerReason({ value }: RegistryDocument, { tenants, defaultTenant }: Belonging): string {
  const tenantId = ownerOf(value) ?? defaultTenant ?? ''
  if (isDisabledTenant(tenants, tenantId)) return `tenantId: the tenant ${tenantId} is switched off`
  return `tenantId: there is no tenant ${ownerOf(value)}`
}
