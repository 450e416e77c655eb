/** On whose account something waits. */
export interface QueueOwner {
  readonly tenant: string
  readonly principal: string
}

interface Turn<T> {
  readonly principals: Map<string, Set<T>>
  size: number
}

/**
 * Items that wait, in fair order: tenants take turns, whatever each of them has waiting, and so do the principals of a
 * tenant; each principal's items stay in the order in which they came. Whoever was served goes to the end of its turn.
 */
export class FairQueue<T> {
  readonly #tenants = new Map<string, Turn<T>>()
  readonly #owners = new Map<T, QueueOwner>()

  get size(): number {
    return this.#owners.size
  }

  /** How many tenants have items that wait. */
  get tenants(): number {
    return this.#tenants.size
  }

  /** The item whose turn it is. */
  get first(): T | undefined {
    for (const { principals } of this.#tenants.values())
      for (const items of principals.values()) for (const item of items) return item
    return undefined
  }

  add(item: T, owner: QueueOwner): void {
    const turn = this.#tenants.get(owner.tenant) ?? { principals: new Map<string, Set<T>>(), size: 0 }
    this.#tenants.set(owner.tenant, turn)
    const items = turn.principals.get(owner.principal) ?? new Set<T>()
    turn.principals.set(owner.principal, items)
    items.add(item)
    turn.size += 1
    this.#owners.set(item, owner)
  }

  /** Removes an item; says whether it was there. */
  remove(item: T): boolean {
    const owner = this.#owners.get(item)
    if (owner === undefined) return false
    this.#owners.delete(item)
    const turn = this.#tenants.get(owner.tenant)
    const items = turn?.principals.get(owner.principal)
    items?.delete(item)
    if (items?.size === 0) turn?.principals.delete(owner.principal)
    if (turn === undefined) return true
    turn.size -= 1
    if (turn.size === 0) this.#tenants.delete(owner.tenant)
    return true
  }

  /** Removes an item that has had its turn. */
  served(item: T): void {
    const owner = this.#owners.get(item)
    if (owner === undefined || !this.remove(item)) return
    const turn = this.#tenants.get(owner.tenant)
    if (turn === undefined) return
    moveToEnd(this.#tenants, owner.tenant)
    moveToEnd(turn.principals, owner.principal)
  }

  /** How many items of a tenant wait. */
  sizeOf(tenant: string): number {
    return this.#tenants.get(tenant)?.size ?? 0
  }

  /** The newest item of the tenant with the most, if that has more than `count`. */
  newestOfMoreThan(count: number): T | undefined {
    let most: Turn<T> | undefined
    for (const turn of this.#tenants.values()) if (turn.size > (most?.size ?? count)) most = turn
    return most && [...(largestOf(most.principals) ?? [])].at(-1)
  }

  /** In fair order. What is removed meanwhile is left out. */
  *[Symbol.iterator](): Generator<T> {
    const ofTenants = [...this.#tenants.values()].map(({ principals }) => inTurn<T>(principals.values()))
    for (const item of inTurn<T>(ofTenants)) if (this.#owners.has(item)) yield item
  }
}

/** One of each, and again, until none has any left. */
function* inTurn<T>(lists: Iterable<Iterable<T>>): Generator<T> {
  let left: Iterator<T, unknown>[] = [...lists].map((list) => list[Symbol.iterator]())
  while (left.length > 0) {
    const next: Iterator<T, unknown>[] = []
    for (const list of left) {
      const step = list.next()
      if (step.done === true) continue
      next.push(list)
      yield step.value
    }
    left = next
  }
}

function largestOf<T>(sets: ReadonlyMap<string, Set<T>>): Set<T> | undefined {
  let largest: Set<T> | undefined
  for (const set of sets.values()) if (set.size > (largest?.size ?? 0)) largest = set
  return largest
}

function moveToEnd<V>(map: Map<string, V>, key: string): void {
  const value = map.get(key)
  if (value === undefined) return
  map.delete(key)
  map.set(key, value)
}
