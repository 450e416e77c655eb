const AT_ONCE = 1

interface Turn {
  readonly begin: () => void
}

/**
 * Limits how many pieces of work begin in each turn of the event loop, one tenant after the other, so that other work
 * is never blocked for long.
 */
export class Turns {
  readonly #atOnce: number
  readonly #waiting = new Map<string, Turn[]>()
  #begun = 0
  #isSet = false

  constructor(options: { atOnce?: number } = {}) {
    this.#atOnce = options.atOnce ?? AT_ONCE
  }

  /** Says whether a piece of work may begin at once, under low load; it counts as begun then. */
  begin(): boolean {
    this.#set()
    if (this.#waiting.size > 0 || this.#begun >= this.#atOnce) return false
    this.#begun += 1
    return true
  }

  /** Resolves when a piece of work of the tenant may begin; at once under low load. */
  next(tenantId: string): Promise<void> {
    if (this.begin()) return Promise.resolve()
    const { promise, resolve } = Promise.withResolvers<void>()
    const ofTenant = this.#waiting.get(tenantId)
    if (ofTenant === undefined) this.#waiting.set(tenantId, [{ begin: resolve }])
    else ofTenant.push({ begin: resolve })
    return promise
  }

  #set(): void {
    if (this.#isSet) return
    this.#isSet = true
    setImmediate(() => {
      this.#isSet = false
      this.#begun = 0
      this.#turn()
    })
  }

  #turn(): void {
    while (this.#begun < this.#atOnce) {
      const [next] = this.#waiting
      if (next === undefined) return
      const [tenantId, turns] = next
      this.#waiting.delete(tenantId)
      const turn = turns.shift()
      // The tenant is the last of those that wait from here on.
      if (turns.length > 0) this.#waiting.set(tenantId, turns)
      this.#begun += 1
      turn?.begin()
    }
    if (this.#waiting.size > 0) this.#set()
  }
}
