import { canonicalJson, isJsonObject } from '../domain/json.ts'
import { TENANT_ID } from '../domain/principal.ts'
import type { QuarantinedDocument, Snapshot } from '../domain/snapshot.ts'
import { type LastGood, parseRegistry, type RegistryDocument } from './parse.ts'
import { parseRaw, type RawSection, rawRefusal } from './parse-raw.ts'
import { isKnownTenant, ownerOf, type Tenants } from './tenants.ts'

/** The documents that a snapshot is made of. */
export type SnapshotDocuments = Readonly<Record<'servers' | RawSection, readonly RegistryDocument[]>>

type Belonging = { readonly tenants: Tenants; readonly defaultTenant: string | undefined }

/**
 * Turns the documents of a registry into a snapshot, see `parseRegistry` and `parseRaw`. Once tenants have documents,
 * what belongs to any other tenant is refused.
 * @param options.defaultTenant tenant of documents that name none, always known; without one each has to name its own
 */
export function parseSections(
  options: Belonging & {
    documents: SnapshotDocuments
    previous: LastGood
    generation: number
  },
): { snapshot: Snapshot; lastGood: LastGood } {
  const { documents, previous, generation, defaultTenant } = options
  const { known, strangers } = sifted(documents.servers, options)
  const { snapshot, lastGood } = parseRegistry({
    documents: defaultTenant === undefined ? known.map(withoutDefaultTenant) : known,
    defaultTenant: defaultTenant ?? '',
    previous,
    generation,
  })
  const kept = strangers.flatMap(({ id }) => {
    const good = previous.get(id)
    return good === undefined ? [] : [[id, good] as const]
  })
  const templates = rawSection('templates', documents.templates, options)
  const pipelines = rawSection('pipelines', documents.pipelines, options)
  return {
    snapshot: {
      ...snapshot,
      templates: templates.documents,
      pipelines: pipelines.documents,
      quarantined: [
        ...strangers.map(strangerEntry),
        ...snapshot.quarantined,
        ...templates.quarantined,
        ...pipelines.quarantined,
      ],
    },
    lastGood: new Map([...lastGood, ...kept]),
  }
}

/** The same text for snapshots that differ in nothing but their generation. */
export function contentOf({
  servers,
  templates,
  pipelines,
  quarantined,
}: Omit<Snapshot, 'generation'>): string {
  const sections = [servers, templates, pipelines].map((section) => Object.fromEntries<unknown>(section))
  return canonicalJson([...sections, quarantined])
}

function rawSection(
  section: RawSection,
  documents: readonly RegistryDocument[],
  belonging: Belonging,
): ReturnType<typeof parseRaw> {
  const { known, strangers } = sifted(documents, belonging)
  const raw = parseRaw(section, known, belonging)
  const refused = strangers.map((document) =>
    rawRefusal(section, document.id, ownerOf(document.value), strangerReason(document)),
  )
  return { documents: raw.documents, quarantined: [...refused, ...raw.quarantined] }
}

function sifted(
  documents: readonly RegistryDocument[],
  { tenants, defaultTenant }: Belonging,
): { known: RegistryDocument[]; strangers: RegistryDocument[] } {
  const isStranger = ({ value }: RegistryDocument): boolean => {
    const tenantId = isJsonObject(value) ? value['tenantId'] : undefined
    if (typeof tenantId !== 'string' || !TENANT_ID.test(tenantId)) return false
    return tenantId !== defaultTenant && !isKnownTenant(tenants, tenantId)
  }
  return {
    known: documents.filter((document) => !isStranger(document)),
    strangers: documents.filter(isStranger),
  }
}

/** A field that is there, even without a value, takes no default. */
function withoutDefaultTenant({ id, value }: RegistryDocument): RegistryDocument {
  return { id, value: isJsonObject(value) ? { tenantId: undefined, ...value } : value }
}

function strangerEntry(document: RegistryDocument): QuarantinedDocument {
  const name = isJsonObject(document.value) ? document.value['name'] : undefined
  return {
    id: document.id,
    name: typeof name === 'string' ? name.slice(0, 64) : document.id,
    tenantId: ownerOf(document.value),
    reason: strangerReason(document),
    lastGoodServes: false,
  }
}

function strangerReason({ value }: RegistryDocument): string {
  return `tenantId: there is no tenant ${ownerOf(value)}`
}
