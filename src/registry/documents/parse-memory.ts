import { setImmediate } from 'node:timers/promises'
import type { CheckedServer } from './check-server.ts'

type Entry = { readonly value: unknown; readonly text: string; readonly checked: CheckedServer }
type Check = () => CheckedServer

/** Number of documents that are checked or compared before other work gets its turn. */
const SLICE = 100
const SLICE_OF_KNOWN = 1000

/**
 * Keeps the result of the last check of each server document: only changed documents are checked again, and an
 * unchanged one yields the same object as before.
 */
export class ParseMemory {
  #known = new Map<string, Entry>()
  #used = new Map<string, Entry>()

  /** The result of a document's check; calls `check` if it is not known. */
  checked(id: string, value: unknown, check: Check): CheckedServer {
    const used = this.#used.get(id)
    if (used !== undefined && used.value === value) return used.checked
    const text = textOf(value)
    const known = used ?? this.#known.get(id)
    const checked = known !== undefined && known.text === text ? known.checked : check()
    if (text !== undefined) this.#used.set(id, { value, text, checked })
    return checked
  }

  /** Checks documents in small batches, so that a large registry does not block the event loop. */
  async prepare(documents: Iterable<{ id: string; value: unknown; check: Check }>): Promise<void> {
    let work = 0
    for (const { id, value, check } of documents) {
      work += SLICE / SLICE_OF_KNOWN
      this.checked(id, value, () => {
        work += 1
        return check()
      })
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

/** Undefined for a value that cannot be written as JSON, which is checked each time. */
function textOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}
