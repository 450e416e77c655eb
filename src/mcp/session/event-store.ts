import { randomBytes } from 'node:crypto'
import type { Clock } from '../../domain/clock.ts'
import { type Principal, principalKey } from '../../domain/principal.ts'
import { Shelf, Shelves } from './event-shelf.ts'

/** How much an `EventStore` keeps for clients that resume a stream. */
export interface EventLimits {
  /** Limits of one session. */
  readonly maxEvents: number
  readonly maxSessionBytes: number
  /** Bytes for all sessions of one principal, of one tenant, and of all tenants. */
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
const TAG_BYTES = 4
const REPLICA_DIGITS = 8

interface Kept {
  readonly owner: SessionEvents
  readonly stream: number
  readonly number: number
  readonly data: string
  readonly bytes: number
  readonly tenantId: string
  /** `principalKey` of the session's owner. */
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

/** An event of a stream, as it was sent to the client. */
export interface StreamEvent {
  readonly id: string
  readonly data: string
}

/**
 * The events that were recently sent to sessions, for clients that lost a stream and resume it (MCP 2025-11-25,
 * resumability and redelivery). Their number, size and age are limited; the oldest are dropped first. No principal or
 * tenant can cause the events of another to be dropped: each has a limit, and at the overall limit the tenant with the
 * most bytes loses events.
 */
export class EventStore {
  readonly #clock: Clock
  readonly #limits: EventLimits
  readonly #replica: string
  readonly #all = new Shelf<Kept>()
  readonly #ofTenants = new Shelves<Kept>()
  readonly #ofPrincipals = new Shelves<Kept>()
  #isExpiring = false

  /** @param options.replica a number below 2^32, which the ids of events begin with */
  constructor(options: { clock: Clock; replica?: number; limits?: Partial<EventLimits> }) {
    this.#clock = options.clock
    this.#replica = (options.replica ?? 0).toString(16).padStart(REPLICA_DIGITS, '0')
    this.#limits = { ...LIMITS, ...options.limits }
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#all.bytes
  }

  /** Opens the events of one session; memory is allocated with its first event. */
  open(principal: Principal): SessionEvents {
    return new SessionEvents({
      principal,
      replica: this.#replica,
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

/** The oldest event of a shelf is also the oldest of its session. */
function dropOldest(shelf: Shelf<Kept> | undefined): void {
  shelf?.oldest?.owner.dropOldest()
}

/** The kept events of one session. Their ids are not valid in another session. */
export class SessionEvents {
  readonly #of: Pick<Kept, 'owner' | 'tenantId' | 'principal'>
  readonly #limits: EventLimits
  readonly #keep: (event: Kept) => void
  readonly #forget: (event: Kept) => void
  readonly #now: () => number
  readonly #tag: string
  readonly #tracks = new Map<number, Track>()
  /** Oldest first. */
  #kept: Kept[] = []
  #bytes = 0
  #lastNumber = 0

  constructor(options: {
    principal: Principal
    replica: string
    limits: EventLimits
    keep: (event: Kept) => void
    forget: (event: Kept) => void
    now: () => number
  }) {
    const { tenantId } = options.principal
    this.#of = { owner: this, tenantId, principal: principalKey(options.principal) }
    this.#tag = options.replica + randomBytes(TAG_BYTES).toString('hex')
    this.#limits = options.limits
    this.#keep = options.keep
    this.#forget = options.forget
    this.#now = options.now
  }

  /** Begins a stream, or begins it again, and returns the id from which all of it can be resumed. */
  begin(stream: number): string {
    this.discard(stream)
    const number = (this.#lastNumber += 1)
    this.#tracks.set(stream, { last: number, dropped: number - 1, kept: 0, isOpen: true })
    return this.#idOf(stream, number)
  }

  /** Keeps an event of a stream, and returns its id. */
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

  /** Marks a stream as complete; its events can still be resumed for a limited time. */
  finish(stream: number): void {
    const track = this.#tracks.get(stream)
    if (track === undefined) return
    track.isOpen = false
    if (track.kept === 0) this.#tracks.delete(stream)
  }

  /** Forgets a stream, which can then no longer be resumed. */
  discard(stream: number): void {
    // Without a track nothing of the stream is kept.
    if (!this.#tracks.delete(stream)) return
    for (let index = this.#kept.length - 1; index >= 0; index -= 1) {
      if (this.#kept[index]?.stream === stream) this.#drop(index)
    }
  }

  /** The events of a stream after the one with that id; undefined if the id is unknown or some of them were dropped. */
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
    const event = index === 0 ? this.#kept.shift() : this.#kept.splice(index, 1)[0]
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

/** The replica that gave an event its id, and whether it belongs to a request; undefined for what is no such id. */
export function originOf(
  id: string,
): { readonly replica: number; readonly isOfRequest: boolean } | undefined {
  const [tag, stream] = parsed(id)
  if (tag.length !== REPLICA_DIGITS + 2 * TAG_BYTES) return undefined
  return { replica: parseInt(tag.slice(0, REPLICA_DIGITS), 16), isOfRequest: stream !== 0 }
}

function parsed(id: string): [tag: string, stream: number, number: number] {
  const [, tag = '', stream, number] = /^([0-9a-f]+)\.(\d{1,15})\.(\d{1,15})$/.exec(id) ?? []
  return [tag, Number(stream), Number(number)]
}
