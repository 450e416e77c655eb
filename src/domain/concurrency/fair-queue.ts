import { type Principal, principalKey } from '../principal.ts'

/** On whose account something waits. */
export interface QueueOwner {
  readonly tenant: string
  readonly principal: string
}

/** What is done for a principal is on its account. */
export function ownerOf(principal: Principal): QueueOwner {
  return { tenant: principal.tenantId, principal: principalKey(principal) }
}

/**
 * An item's place in the queue. It lets go of the item as soon as it is left: what came and went may stay in the sets of a
 * queue until the next full garbage collection.
 */
export class QueuePlace<T> {
  readonly owner: QueueOwner
  #item: T | undefined

  constructor(item: T, owner: QueueOwner) {
    this.#item = item
    this.owner = owner
  }

  /** Undefined once the place was left. */
  get item(): T | undefined {
    return this.#item
  }

  leave(): void {
    this.#item = undefined
  }
}

interface Turn<T> {
  readonly principals: Map<string, Set<QueuePlace<T>>>
  size: number
}

/**
 * A fair queue: round-robin by tenant, and by principal within a tenant, regardless of how many items each has. The items of
 * one principal are in FIFO order.
 */
export class FairQueue<T> {
  readonly #tenants = new Map<string, Turn<T>>()
  /** How many items wait. */
  size = 0

  /** How many tenants have items that wait. */
  get tenants(): number {
    return this.#tenants.size
  }

  /** The place whose turn it is. */
  get first(): QueuePlace<T> | undefined {
    for (const { principals } of this.#tenants.values())
      for (const places of principals.values()) for (const place of places) return place
    return undefined
  }

  add(item: T, owner: QueueOwner): QueuePlace<T> {
    const turn = this.#tenants.get(owner.tenant) ?? {
      principals: new Map<string, Set<QueuePlace<T>>>(),
      size: 0,
    }
    this.#tenants.set(owner.tenant, turn)
    const places = turn.principals.get(owner.principal) ?? new Set<QueuePlace<T>>()
    turn.principals.set(owner.principal, places)
    const place = new QueuePlace(item, owner)
    places.add(place)
    turn.size += 1
    this.size += 1
    return place
  }

  /** Removes a place; says whether it was there. */
  remove(place: QueuePlace<T>): boolean {
    const { owner } = place
    const turn = this.#tenants.get(owner.tenant)
    const places = turn?.principals.get(owner.principal)
    if (turn === undefined || places?.delete(place) !== true) return false
    place.leave()
    this.size -= 1
    if (places.size === 0) turn.principals.delete(owner.principal)
    turn.size -= 1
    if (turn.size === 0) this.#tenants.delete(owner.tenant)
    return true
  }

  /** Removes a place that has had its turn. */
  served(place: QueuePlace<T>): void {
    const { owner } = place
    if (!this.remove(place)) return
    const turn = this.#tenants.get(owner.tenant)
    if (turn === undefined) return
    moveToEnd(this.#tenants, owner.tenant)
    moveToEnd(turn.principals, owner.principal)
  }

  /** How many items of a tenant wait. */
  sizeOf(tenant: string): number {
    return this.#tenants.get(tenant)?.size ?? 0
  }

  /** The newest place of the tenant with the most, if that has more than `count`. */
  newestOfMoreThan(count: number): QueuePlace<T> | undefined {
    let most: Turn<T> | undefined
    for (const turn of this.#tenants.values()) if (turn.size > (most?.size ?? count)) most = turn
    return most && [...(largestOf(most.principals) ?? [])].at(-1)
  }

  /** In fair order. What is removed meanwhile is left out. */
  *[Symbol.iterator](): Generator<QueuePlace<T>> {
    const ofTenants = [...this.#tenants.values()].map(({ principals }) =>
      inTurn<QueuePlace<T>>(principals.values()),
    )
    for (const place of inTurn<QueuePlace<T>>(ofTenants)) if (place.item !== undefined) yield place
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
