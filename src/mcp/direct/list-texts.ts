import { textOf } from '../../catalog/page.ts'
import { ViewTexts } from '../../catalog/view-texts.ts'
import type { View } from '../../catalog/view.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { itemsIn, type ListPage } from '../methods/list-results.ts'

/** Memory for the texts of all pages. */
const MAX_BYTES = 64 * 1024 * 1024

/** The items of pages as JSON, each page written once. */
export class ListTexts {
  readonly #texts = new ViewTexts({ maxBytes: MAX_BYTES })

  /** The items of a page of a view, separated by commas. */
  itemsOf(view: View, page: ListPage): Buffer {
    const form = `${page.list} ${page.era} ${page.start}`
    return this.#texts.textOf(view, form, () => itemsIn(page).map(textOf).join(','))
  }
}

/**
 * Whether the SDK has to write a page: up to 2025-11-25 the root of an output schema has to be an object, and it lists
 * others in another form.
 */
export function isForSdk({ era, found }: ListPage): boolean {
  return era === 'legacy' && found.some(({ listed: { outputSchema } }) => hasOtherRoot(outputSchema))
}

function hasOtherRoot(schema: unknown): boolean {
  return isJsonObject(schema) && schema['type'] !== 'object'
}
