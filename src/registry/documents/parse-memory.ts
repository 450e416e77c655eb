import { setImmediate } from 'node:timers/promises'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'

/** The server that a document is, or what is wrong with it. */
export interface CheckedServer {
  readonly valid: ServerDefinition | undefined
  readonly problems: readonly string[]
}

type Entry = { readonly value: unknown; readonly text: string; readonly checked: CheckedServer }
type Check = () => CheckedServer

/** Documents that are checked, or looked at, before other work gets its turn. */
const SLICE = 100
const SLICE_OF_KNOWN = 1000

/**
 * What the documents of servers came to when they were checked last: only what has changed is checked again, and what has
 * not is the same object as before.
 */
export class ParseMemory {
  #known = new Map<string, Entry>()
  #used = new Map<string, Entry>()

  /** What a document comes to; `check` is asked where it is not known. */
  checked(id: string, value: unknown, check: Check): CheckedServer {
    const used = this.#used.get(id)
    if (used !== undefined && used.value === value) return used.checked
    const text = textOf(value)
    const known = used ?? this.#known.get(id)
    const checked = known !== undefined && known.text === text ? known.checked : check()
    if (text !== undefined) this.#used.set(id, { value, text, checked })
    return checked
  }

  /** Checks documents a few at a time, so that a registry of any size keeps nobody waiting. */
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

  /** All documents have been asked for: what was not is forgotten. */
  settle(): void {
    this.#known = this.#used
    this.#used = new Map()
  }
}

/** Undefined for what has no JSON, which is checked each time. */
function textOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}
