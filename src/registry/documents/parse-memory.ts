import { setImmediate } from 'node:timers/promises'

type Entry<T> = { readonly value: unknown; readonly text: string; readonly checked: T }
type Check<T> = () => T

/** How much is checked before other work gets its turn: documents, and each KiB of them counts as one more. */
const SLICE = 100
const PER_DOCUMENT = 1024
/** What is known already is only compared. */
const OF_KNOWN = 0.1

/**
 * Keeps the result of the last check of each document: only changed documents are checked again, and an unchanged one
 * yields the same object as before.
 */
export class ParseMemory<T> {
  #known = new Map<string, Entry<T>>()
  #used = new Map<string, Entry<T>>()

  /** The result of a document's check; calls `check` if it is not known. */
  checked(id: string, value: unknown, check: Check<T>): T {
    const known = this.#used.get(id) ?? this.#known.get(id)
    if (known !== undefined && known.value === value) {
      this.#used.set(id, known)
      return known.checked
    }
    const text = textOf(value)
    const checked = known !== undefined && known.text === text ? known.checked : check()
    if (text !== undefined) this.#used.set(id, { value, text, checked })
    return checked
  }

  /** Checks documents in small batches, so that a large registry does not block the event loop. */
  async prepare(documents: Iterable<{ id: string; value: unknown; check: Check<T> }>): Promise<void> {
    let work = 0
    for (const { id, value, check } of documents) {
      let share = OF_KNOWN
      this.checked(id, value, () => {
        share = 1
        return check()
      })
      work += share * (1 + (this.#used.get(id)?.text.length ?? 0) / PER_DOCUMENT)
      if (work < SLICE) continue
      work = 0
      await setImmediate()
    }
  }

  /** Forgets the documents that were not requested since the last call. */
  settle(): void {
    this.#known = this.#used
    this.#used = new Map()
  }
}

/** The same function, computed once for each object, which must not change. */
export function onceEach<K extends object, V>(compute: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, { readonly value: V }>()
  return (key) => {
    let result = known.get(key)
    if (result === undefined) known.set(key, (result = { value: compute(key) }))
    return result.value
  }
}

/** Undefined for a value that cannot be written as JSON, which is checked each time. */
function textOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}
