import type { Clock } from '../domain/clock.ts'
import { canonicalJson, isJsonObject, type JsonObject } from '../domain/json/json.ts'
import type { Snapshot } from '../domain/snapshot.ts'
import type { Section } from './collections.ts'
import type { RegistrySource, WrittenDocument } from './registry-source.ts'
import { identityOf, type RegistryStore } from './registry-store.ts'
import type { Tenants } from './tenants.ts'

/** How long after a write of this process began its document is expected to change. */
const EXPECTED_MS = 30_000

/** A document of the registry that is another one than before, or new, or gone, in the registry in force. */
export interface RegistryEdit {
  readonly section: Section
  readonly tenantId: string
  readonly name: string
  readonly before: JsonObject | undefined
  readonly after: JsonObject | undefined
  /** Whether this process wrote it, which is recorded where it did. */
  readonly isOwn: boolean
  /** Whether it happened while no gateway ran: then `before` is empty, if there was a document. */
  readonly isUnseen?: true
}

type Documents = ReadonlyMap<string, object>
type EditKey = Pick<RegistryEdit, 'section' | 'tenantId' | 'name'>

/**
 * Sees what differs between one registry in force and the next, from any writer. The first one that is in force is the
 * base.
 */
export class RegistryEdits {
  readonly #clock: Clock
  readonly #onEdits: (edits: readonly RegistryEdit[]) => void
  readonly #onBase: (base: readonly RegistryEdit[]) => void
  readonly #known = new Map<Section, Documents>()
  /** When writes of this process are expected no more. */
  readonly #expected = new Map<string, number>()
  #isBased = false

  /**
   * @param options.onEdits gets all of one change together; must not throw
   * @param options.onBase gets the documents of the base, as if all of them were new; must not throw
   */
  constructor(options: {
    clock: Clock
    onEdits: (edits: readonly RegistryEdit[]) => void
    onBase?: (base: readonly RegistryEdit[]) => void
  }) {
    this.#clock = options.clock
    this.#onEdits = options.onEdits
    this.#onBase = options.onBase ?? (() => undefined)
  }

  /** The same source, of which each snapshot is compared with the one before. */
  of(source: RegistrySource): RegistrySource {
    return {
      start: (onSnapshot) =>
        source.start((snapshot) => {
          this.#compare(sectionsOf(snapshot), !this.#isBased)
          if (!this.#isBased) this.#tellBase()
          this.#isBased = true
          onSnapshot(snapshot)
        }),
      caughtUp: (written) => source.caughtUp(written),
      close: () => source.close(),
    }
  }

  /** To be called with the tenants whenever they have changed. */
  tenants({ byId }: Tenants): void {
    this.#compare([['tenants', byId]], !this.#isBased)
  }

  /** The same store, whose writes are known as those of this process. */
  writer(store: RegistryStore, section: WrittenDocument['section']): RegistryStore {
    const own = async <T>(key: { tenantId: string; name: string } | undefined, write: () => Promise<T>) => {
      if (key === undefined) return await write()
      const id = idOf({ section, ...key })
      this.#expected.set(id, this.#clock.monotonic() + EXPECTED_MS)
      try {
        return await write()
      } finally {
        this.#expected.delete(id)
      }
    }
    return {
      get: (tenantId, name) => store.get(tenantId, name),
      list: () => store.list(),
      create: (document) => own(identityOf(document), () => store.create(document)),
      replace: (document, etag) => own(identityOf(document), () => store.replace(document, etag)),
      remove: (tenantId, name, etag) => own({ tenantId, name }, () => store.remove(tenantId, name, etag)),
    }
  }

  #compare(sections: readonly (readonly [Section, Documents])[], isBase: boolean): void {
    const edits = sections.flatMap(([section, documents]) => {
      const known = this.#known.get(section) ?? new Map<string, object>()
      this.#known.set(section, documents)
      return isBase ? [] : differences(section, known, documents)
    })
    if (edits.length > 0) this.#onEdits(edits.map((edit) => ({ ...edit, isOwn: this.#isOwn(edit) })))
  }

  #tellBase(): void {
    const none: Documents = new Map()
    const all = [...this.#known].flatMap(([section, documents]) => differences(section, none, documents))
    this.#onBase(all.map((edit) => ({ ...edit, isOwn: false })))
  }

  #isOwn(key: EditKey): boolean {
    const until = this.#expected.get(idOf(key))
    return until !== undefined && until > this.#clock.monotonic()
  }
}

function sectionsOf({ servers, templates, pipelines, enhancementRules }: Snapshot): [Section, Documents][] {
  return [
    ['servers', servers],
    ['templates', templates],
    ['pipelines', pipelines],
    ['enhancement_rules', enhancementRules],
  ]
}

function differences(section: Section, before: Documents, after: Documents): Omit<RegistryEdit, 'isOwn'>[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((id) => {
    const [was, is] = [before.get(id), after.get(id)]
    if (was === is || (was !== undefined && is !== undefined && canonicalJson(was) === canonicalJson(is)))
      return []
    const edit = { section, before: documentIn(was), after: documentIn(is) }
    const { tenantId, name = id } = namesIn(edit.after ?? edit.before ?? {})
    return tenantId === undefined ? [] : [{ ...edit, tenantId, name }]
  })
}

function documentIn(value: object | undefined): JsonObject | undefined {
  return isJsonObject(value) ? value : undefined
}

function namesIn({ tenantId, name }: JsonObject): { tenantId?: string; name?: string } {
  return {
    ...(typeof tenantId === 'string' && { tenantId }),
    ...(typeof name === 'string' && { name }),
  }
}

function idOf({ section, tenantId, name }: EditKey): string {
  return `${section} ${tenantId} ${name}`
}
