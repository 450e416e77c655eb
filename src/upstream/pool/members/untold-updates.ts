import { Turns } from '../../../domain/concurrency/turns.ts'
import type { JsonObject } from '../../../domain/json/json.ts'

/** Watchers that are told in one turn of the event loop: some milliseconds, if each has to be sent 16 KiB. */
const AT_ONCE = 20
/** One for the process, as its event loop is. */
const turns = new Turns({ atOnce: AT_ONCE })

/** Gets the parameters of each `notifications/resources/updated` of one resource. Never throws. */
export type OnResourceUpdated = (params: JsonObject) => void

/** Someone who is told of updates of one resource. */
export interface Watcher {
  readonly tenant: string
  readonly onUpdated: OnResourceUpdated
}

/**
 * Updates of which not all watchers have been told. One update may have thousands of watchers, and a server may send one after
 * the other: a few watchers are told in each turn of the event loop, and what comes meanwhile of a resource is told as one
 * update.
 */
export class UntoldUpdates {
  readonly #watchersOf: (uri: string) => ReadonlySet<Watcher> | undefined
  /** Parameters by the watched URI. */
  readonly #untold = new Map<string, JsonObject>()
  #isTelling = false

  constructor(options: { watchersOf: (uri: string) => ReadonlySet<Watcher> | undefined }) {
    this.#watchersOf = options.watchersOf
  }

  /** Tells the watchers of a resource that it was updated. Of several parts of it that were, they hear as of the whole. */
  add(watched: string, params: JsonObject): void {
    const before = this.#untold.get(watched)
    const isOfOther = before !== undefined && before['uri'] !== params['uri']
    this.#untold.set(watched, isOfOther ? { uri: watched } : params)
    if (!this.#isTelling) void this.#tell()
  }

  async #tell(): Promise<void> {
    this.#isTelling = true
    // What is added meanwhile comes last.
    for (const [uri, params] of this.#untold) {
      this.#untold.delete(uri)
      const watchers = this.#watchersOf(uri) ?? new Set()
      for (const watcher of watchers) {
        if (!turns.begin()) await turns.next(watcher.tenant)
        if (watchers.has(watcher)) watcher.onUpdated(params)
      }
    }
    this.#isTelling = false
  }
}
