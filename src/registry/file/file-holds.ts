import { createHash } from 'node:crypto'
import { isJsonObject } from '../../domain/json/json.ts'
import type { QuarantinedDocument } from '../../domain/snapshot.ts'
import { eachSection, type Section } from '../collections.ts'
import { RemovalGuard } from '../mass-removal.ts'
import { ownerOf } from '../tenants.ts'
import type { RegistryDocument } from '../documents/registry-document.ts'

type Documents = Readonly<Record<Section, readonly RegistryDocument[]>>
type Item = { readonly id: string; readonly version: string; readonly document: RegistryDocument }

/** So that no id looks like a number to YAML. */
const PREFIX = 'removal-'
/** How long a mass removal has to stand in the file before it takes effect. */
const RELEASE_AFTER_MS = 600_000
const UNGUARDED: Section = 'enhancement_rules'

/** A removal that is held back, and how many documents it is of. */
export interface FileHold {
  readonly section: Section
  readonly id: string
  readonly count: number
  readonly until: number | undefined
}

/**
 * A `RemovalGuard` for each section of a registry file but the rules. A document is known by tenant and name, so that
 * one that moves to another key or section is not removed. What the file says at the start is taken as it is.
 */
export class FileHolds {
  readonly #guards = eachSection(() => new RemovalGuard<Item>({ releaseAfterMs: RELEASE_AFTER_MS }))

  /**
   * The documents to serve, given those of the file.
   * @param options.confirmed ids of holds that the file confirms
   * @param options.defaultTenant tenant of documents of servers that name none
   */
  judge(
    documents: Documents,
    { confirmed, now, defaultTenant }: { confirmed: ReadonlySet<string>; now: number; defaultTenant: string },
  ): Documents {
    const ids = new Set([...confirmed].map((id) => id.replace(PREFIX, '')))
    return eachSection((section) => {
      // Without its rule a prompt passes unchanged, so no caller loses anything.
      if (section === UNGUARDED) return documents[section]
      return this.#guards[section]
        .judge(
          documents[section].map((document) => itemOf(document, section === 'servers' ? defaultTenant : '')),
          { recreated: false, confirmed: ids, now },
        )
        .map(({ document }) => document)
    })
  }

  /** What is held back, servers first. */
  get all(): readonly FileHold[] {
    return Object.values(
      eachSection((section) => {
        const { hold } = this.#guards[section]
        return hold === undefined
          ? []
          : [{ section, id: `${PREFIX}${hold.id}`, count: hold.removed.length, until: hold.until }]
      }),
    ).flat()
  }

  /** What operators see of the documents that are gone from the file and serve on. */
  entries(defaultTenant: string): QuarantinedDocument[] {
    return Object.values(
      eachSection((section) => {
        const { hold } = this.#guards[section]
        return (hold?.removed ?? []).map(({ document }) => entryOf(section, document, defaultTenant, hold))
      }),
    ).flat()
  }
}

function itemOf(document: RegistryDocument, defaultTenant: string): Item {
  const { id, value } = document
  const { name = id, tenantId = defaultTenant } = isJsonObject(value) ? value : {}
  return {
    id: JSON.stringify([tenantId, name]),
    // It is asked for of few.
    get version() {
      return createHash('sha256')
        .update(JSON.stringify(value) ?? '')
        .digest('base64url')
    },
    document,
  }
}

function entryOf(
  section: Section,
  { id, value }: RegistryDocument,
  defaultTenant: string,
  hold: { readonly id: string; readonly until: number | undefined } | undefined,
): QuarantinedDocument {
  const path = section === 'servers' ? id : `${section}/${id}`
  const name = isJsonObject(value) && section === 'servers' ? value['name'] : undefined
  const until = new Date(hold?.until ?? 0).toISOString()
  return {
    id: path,
    name: typeof name === 'string' ? name.slice(0, 64) : path,
    tenantId: section === 'tenants' ? id : (ownerOf(value) ?? defaultTenant),
    reason: `removed together with many others; held back until ${until}, or until the file has \`confirm: [${PREFIX}${hold?.id}]\``,
    lastGoodServes: true,
  }
}
