const MAX_PROBLEMS = 100
const MAX_SHOWN = 100
const MAX_PLACE = 300

/** What is wrong with what a server offers, as sentences for the operator: the same of many items is one sentence. */
export class OfferProblems {
  readonly #lines = new Map<string, { readonly first: string; readonly text: string; more: number }>()
  #left = 0

  /** @param item the kind of item and its name; empty for what concerns a whole list */
  add(item: string, text: string): void {
    const known = this.#lines.get(text)
    if (known !== undefined) known.more += 1
    else if (this.#lines.size < MAX_PROBLEMS) this.#lines.set(text, { first: item, text, more: 0 })
    else this.#left += 1
  }

  get lines(): string[] {
    const lines = [...this.#lines.values()].map(({ first, text, more }) => {
      const others = more === 0 ? '' : ` and ${more} more`
      return first === '' ? text : `${first}${others}: ${text}`
    })
    return this.#left === 0 ? lines : [...lines, `${this.#left} more problems are not shown`]
  }
}

/** A name as it may be shown to an operator: on one line, and not too long. */
export function shown(name: string, length: number = MAX_SHOWN): string {
  return name.slice(0, length).replaceAll(/\p{C}/gu, ' ')
}

/** The same of a place within an item. */
export function shownPlace(place: string): string {
  return shown(place, MAX_PLACE)
}
