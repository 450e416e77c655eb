import { bufferCache } from '../../cache/lru.ts'
import { textOf } from '../../catalog/page.ts'
import type { View } from '../../catalog/view.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { itemsIn, type ListPage } from '../methods/list-results.ts'

/** Memory for the texts of all pages. */
const MAX_BYTES = 64 * 1024 * 1024

/**
 * The items of pages as JSON. A page is written once, for all callers who share its view and until that changes: agents
 * list far more often than tools change.
 */
export class ListTexts {
  readonly #texts = bufferCache(MAX_BYTES)
  readonly #numbers = new WeakMap<View, number>()
  #lastNumber = 0

  /** The items of a page of a view, separated by commas. */
  itemsOf(view: View, page: ListPage): Buffer {
    const key = `${this.#numberOf(view)} ${page.list} ${page.era} ${page.start}`
    const known = this.#texts.get(key)
    if (known !== undefined) return known
    const text = Buffer.from(itemsIn(page).map(textOf).join(','))
    this.#texts.set(key, text)
    return text
  }

  /** A view never changes: when what a caller may see does, there is another one. */
  #numberOf(view: View): number {
    let number = this.#numbers.get(view)
    if (number === undefined) {
      number = this.#lastNumber += 1
      this.#numbers.set(view, number)
    }
    return number
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
