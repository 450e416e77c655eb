import { HeldBytes, type HeldRequest } from '../../domain/concurrency/held-bytes.ts'
import { memoryUpTo } from '../../domain/json/json-memory.ts'
import { isDeeperThan, MAX_JSON_DEPTH } from '../../domain/json/json.ts'

const MIB = 1024 * 1024
/** Memory for the items of one server. */
const MAX_SERVER_BYTES = 2 * MIB
/** The same of one list. */
const MAX_LIST_BYTES = 8 * MIB
/** One for the process, as its memory is: of all lists that are being collected. */
const held = new HeldBytes(32 * MIB)

/** Bounds the memory of one list while it is collected: servers choose how much they list, and for how long. */
export class ListRoom {
  readonly #held: HeldRequest
  #left = MAX_LIST_BYTES

  constructor(tenantId: string) {
    this.#held = held.begin(tenantId)
  }

  /** Returns what says of each item of one server whether there is room for it. */
  ofServer(): (item: unknown) => boolean {
    let left = MAX_SERVER_BYTES
    return (item) => {
      const most = Math.min(left, this.#left)
      const bytes = isDeeperThan(item, MAX_JSON_DEPTH) ? Infinity : memoryUpTo(most, item)
      if (bytes > most || !this.#held.grow(bytes)) return false
      left -= bytes
      this.#left -= bytes
      return true
    }
  }

  /** Ends the list. */
  release(): void {
    this.#held.release()
  }
}
