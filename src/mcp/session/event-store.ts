import { randomBytes } from 'node:crypto'
import type { Clock } from '../../domain/clock.ts'
import { type Principal, principalKey } from '../../domain/principal.ts'
import { Shelf, Shelves } from './event-shelf.ts'

/** How much an `EventStore` keeps for clients that resume a stream. */
export interface EventLimits {
  /** Events and bytes of one session. */
  readonly maxEvents: number
  readonly maxSessionBytes: number
  /** Bytes of all sessions of one principal, of one tenant, and together. */
  readonly maxPrincipalBytes: number
  readonly maxTenantBytes: number
  readonly maxBytes: number
  readonly maxAgeMs: number
}

const LIMITS: EventLimits = {
  maxEvents: 256,
  maxSessionBytes: 1024 * 1024,
  maxPrincipalBytes: 8 * 1024 * 1024,
  maxTenantBytes: 32 * 1024 * 1024,
  maxBytes: 64 * 1024 * 1024,
  maxAgeMs: 300_000,
}
const EVENT_OVERHEAD_BYTES = 200
const TAG_BYTES = 6

interface Kept {
  readonly owner: SessionEvents
  readonly stream: number
  readonly number: number
  readonly data: string
  readonly bytes: number
  readonly tenantId: string
  /** `principalKey` of whose session it is. */
  readonly principal: string
  /** Monotonic milliseconds. */
  readonly at: number
}

interface Track {
  /** Number of the newest event. */
  last: number
  /** Number of the newest event that is no longer kept. */
  dropped: number
  kept: number
  isOpen: boolean
}

/** An event of a stream, as it was sent. */
export interface StreamEvent {
  readonly id: string
  readonly data: string
}

/**
 * What was lately sent to sessions, for clients that lost a stream and resume it (MCP 2025-11-25, resumability and
 * redelivery). Bounded in number, size and age; the oldest goes first. What one principal or tenant gets does not cost
 * what others could resume: each has a bound, and beyond that of all the tenant that has the most gives way.
 */
export class EventStore {
  readonly #clock: Clock
  readonly #limits: EventLimits
  readonly #all = new Shelf<Kept>()
  readonly #ofTenants = new Shelves<Kept>()
  readonly #ofPrincipals = new Shelves<Kept>()
  #isExpiring = false

  constructor(options: { clock: Clock; limits?: Partial<EventLimits> }) {
    this.#clock = options.clock
    this.#limits = { ...LIMITS, ...options.limits }
  }

  /** Bytes that are kept at the moment. */
  get bytes(): number {
    return this.#all.bytes
  }

  /** What one session will keep; nothing is allocated before its first event. */
  open(principal: Principal): SessionEvents {
    return new SessionEvents({
      principal,
      limits: this.#limits,
      keep: (event) => this.#keep(event),
      forget: (event) => this.#forget(event),
      now: () => this.#clock.monotonic(),
    })
  }

  #keep(event: Kept): void {
    const { maxPrincipalBytes, maxTenantBytes, maxBytes } = this.#limits
    this.#all.add(event)
    dropDownTo(maxPrincipalBytes, this.#ofPrincipals.add(event.principal, event))
    dropDownTo(maxTenantBytes, this.#ofTenants.add(event.tenantId, event))
    while (this.#all.bytes > maxBytes) dropOldest(this.#ofTenants.largest)
    if (!this.#isExpiring) this.#expireLater(this.#limits.maxAgeMs)
  }

  #forget(event: Kept): void {
    this.#all.remove(event)
    this.#ofPrincipals.remove(event.principal, event)
    this.#ofTenants.remove(event.tenantId, event)
  }

  #expireLater(delayMs: number): void {
    this.#isExpiring = true
    this.#clock.after(delayMs, () => {
      this.#isExpiring = false
      const now = this.#clock.monotonic()
      for (const event of this.#all) {
        const leftMs = event.at + this.#limits.maxAgeMs - now
        if (leftMs > 0) return this.#expireLater(leftMs)
        event.owner.dropOldest()
      }
    })
  }
}

function dropDownTo(maxBytes: number, shelf: Shelf<Kept>): void {
  while (shelf.bytes > maxBytes) dropOldest(shelf)
}

/** The oldest of many sessions is the oldest of its own. */
function dropOldest(shelf: Shelf<Kept> | undefined): void {
  shelf?.oldest?.owner.dropOldest()
}

/** What one session keeps of its streams. Ids of its events are of no use in another session. */
export class SessionEvents {
  readonly #of: Pick<Kept, 'owner' | 'tenantId' | 'principal'>
  readonly #limits: EventLimits
  readonly #keep: (event: Kept) => void
  readonly #forget: (event: Kept) => void
  readonly #now: () => number
  readonly #tag = randomBytes(TAG_BYTES).toString('hex')
  readonly #tracks = new Map<number, Track>()
  /** Oldest first. */
  #kept: Kept[] = []
  #bytes = 0
  #lastNumber = 0

  constructor(options: {
    principal: Principal
    limits: EventLimits
    keep: (event: Kept) => void
    forget: (event: Kept) => void
    now: () => number
  }) {
    const { tenantId } = options.principal
    this.#of = { owner: this, tenantId, principal: principalKey(options.principal) }
    this.#limits = options.limits
    this.#keep = options.keep
    this.#forget = options.forget
    this.#now = options.now
  }

  /** Begins a stream, or begins it anew, and gives the id from which all of it can be resumed. */
  begin(stream: number): string {
    this.discard(stream)
    const number = (this.#lastNumber += 1)
    this.#tracks.set(stream, { last: number, dropped: number - 1, kept: 0, isOpen: true })
    return this.#idOf(stream, number)
  }

  /** Keeps what is sent on a stream, and gives its id. */
  add(stream: number, data: string): string {
    const number = (this.#lastNumber += 1)
    const bytes = Buffer.byteLength(data) + EVENT_OVERHEAD_BYTES
    const track = this.#tracks.get(stream)
    if (track !== undefined) {
      track.last = number
      if (bytes > this.#limits.maxSessionBytes) track.dropped = number
      else this.#push(track, { ...this.#of, stream, number, data, bytes, at: this.#now() })
    }
    return this.#idOf(stream, number)
  }

  /** Says that nothing more will come on a stream; what was sent can be had again for a while. */
  finish(stream: number): void {
    const track = this.#tracks.get(stream)
    if (track === undefined) return
    track.isOpen = false
    if (track.kept === 0) this.#tracks.delete(stream)
  }

  /** Forgets a stream, which can no longer be resumed. */
  discard(stream: number): void {
    this.#tracks.delete(stream)
    for (let index = this.#kept.length - 1; index >= 0; index -= 1) {
      if (this.#kept[index]?.stream === stream) this.#drop(index)
    }
  }

  /** What came on a stream after the event of that id; undefined when that is not known or not kept in full. */
  after(id: string): { stream: number; events: readonly StreamEvent[] } | undefined {
    const [tag, stream, number] = parsed(id)
    const track = tag === this.#tag ? this.#tracks.get(stream) : undefined
    if (track === undefined || !(number >= track.dropped && number <= track.last)) return undefined
    const events = this.#kept
      .filter((event) => event.stream === stream && event.number > number)
      .map((event) => ({ id: this.#idOf(stream, event.number), data: event.data }))
    return { stream, events }
  }

  dropOldest(): void {
    this.#drop(0)
  }

  /** Forgets everything. */
  close(): void {
    for (const event of this.#kept) this.#forget(event)
    this.#kept = []
    this.#bytes = 0
    this.#tracks.clear()
  }

  #push(track: Track, event: Kept): void {
    track.kept += 1
    this.#kept.push(event)
    this.#bytes += event.bytes
    while (this.#kept.length > this.#limits.maxEvents || this.#bytes > this.#limits.maxSessionBytes)
      this.#drop(0)
    this.#keep(event)
  }

  #drop(index: number): void {
    const [event] = this.#kept.splice(index, 1)
    if (event === undefined) return
    this.#bytes -= event.bytes
    this.#forget(event)
    const track = this.#tracks.get(event.stream)
    if (track === undefined) return
    track.dropped = Math.max(track.dropped, event.number)
    track.kept -= 1
    if (track.kept === 0 && !track.isOpen) this.#tracks.delete(event.stream)
  }

  #idOf(stream: number, number: number): string {
    return `${this.#tag}.${stream}.${number}`
  }
}

function parsed(id: string): [tag: string, stream: number, number: number] {
  const [, tag = '', stream, number] = /^([0-9a-f]+)\.(\d{1,15})\.(\d{1,15})$/.exec(id) ?? []
  return [tag, Number(stream), Number(number)]
}
