import { bufferCache } from '../cache/lru.ts'
import type { View } from './view.ts'

interface Forms {
  readonly number: number
  /** Those that were written, the oldest first. */
  readonly names: Set<string>
}

/**
 * What is made from views, as JSON. Each text is written once, for all callers who share a view and until that changes,
 * because a long one takes a while to write and agents list far more often than tools change.
 */
export class ViewTexts {
  readonly #texts: ReturnType<typeof bufferCache>
  readonly #maxForms: number
  readonly #forms = new WeakMap<View, Forms>()
  #lastNumber = 0

  /**
   * @param options.maxBytes of all texts together
   * @param options.maxForms of one view, whose further ones would take the place of those of others; no limit by default
   */
  constructor({ maxBytes, maxForms = Infinity }: { maxBytes: number; maxForms?: number }) {
    this.#texts = bufferCache(maxBytes)
    this.#maxForms = maxForms
  }

  /** The text of a view in one of its forms, which `write` writes where it is not known. */
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
    if (names.size > this.#maxForms && oldest !== undefined) {
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
