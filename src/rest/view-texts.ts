import { bufferCache } from '../cache/lru.ts'
import { textOf } from '../catalog/page.ts'
import type { CatalogItem } from '../catalog/server-catalog.ts'
import { isForModels } from '../catalog/ui-tools.ts'
import type { View } from '../catalog/view.ts'
import type { JsonObject } from '../domain/json/json.ts'

const MAX_BYTES = 16 * 1024 * 1024
/** More forms of one view would take the place of those of others. */
const MAX_FORMS = 8

interface Forms {
  readonly number: number
  /** Those that were written, the oldest first. */
  readonly names: Set<string>
}

/**
 * Answers that are made from views, as JSON. Each is written once, for all callers who share a view and until that
 * changes, because a long one takes a while to write; together they have at most 16 MiB.
 */
export class ViewTexts {
  readonly #texts = bufferCache(MAX_BYTES)
  readonly #forms = new WeakMap<View, Forms>()
  #lastNumber = 0

  /** The answer of a view in one of its forms, which `write` writes where it is not known. */
  textOf(view: View, form: string, write: () => string): Buffer {
    const { number, names } = this.#formsOf(view)
    const key = `${number} ${form}`
    const known = this.#texts.get(key)
    if (known !== undefined) return known
    const text = Buffer.from(write())
    this.#texts.set(key, text)
    names.delete(form)
    names.add(form)
    const [oldest] = names
    if (names.size > MAX_FORMS && oldest !== undefined) {
      names.delete(oldest)
      this.#texts.delete(`${number} ${oldest}`)
    }
    return text
  }

  /** A view never changes: when what a caller may see does, there is another one. */
  #formsOf(view: View): Forms {
    let forms = this.#forms.get(view)
    if (forms === undefined) {
      forms = { number: (this.#lastNumber += 1), names: new Set() }
      this.#forms.set(view, forms)
    }
    return forms
  }
}

/** `{ ...listed, ...more }` as JSON; `more` has at least one member. */
export function extendedText(listed: JsonObject, more: JsonObject): string {
  if (Object.keys(more).some((name) => name in listed)) return JSON.stringify({ ...listed, ...more })
  return `${textOf(listed).slice(0, -1)},${JSON.stringify(more).slice(1)}`
}

const ofViews = new WeakMap<View, readonly CatalogItem[]>()

/** The tools of a view that are not only for an app. @param server of this server only */
export function toolsForModels(view: View, server?: string): readonly CatalogItem[] {
  let all = ofViews.get(view)
  if (all === undefined) {
    all = view.tools.filter(({ listed }) => isForModels(listed))
    ofViews.set(view, all)
  }
  return server === undefined ? all : all.filter(({ serverName }) => serverName === server)
}
