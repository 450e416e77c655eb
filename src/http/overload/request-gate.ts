import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type Clock, repeat } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { FairQueue, type QueueOwner, type QueuePlace } from '../../domain/concurrency/fair-queue.ts'
import { principalKey } from '../../domain/principal.ts'
import type { TokenVerifier } from '../../identity/token-verifier.ts'
import { jsonRpcErrorOf } from '../../mcp/protocol-error.ts'
import { problemOf } from '../../rest/problem.ts'
import { UpgradeResponse } from '../upgrade.ts'
import { AdaptiveLimit } from './adaptive-limit.ts'
import { Contention } from './contention.ts'
import type { LoopLoad } from './loop-load.ts'
import { RecentRequests } from './recent-requests.ts'

const TICK_MS = 100
/** The limit of requests in progress before anything was measured. */
const START = 256
/** Longer than this no request waits: its client does better to try again. */
const MAX_WAIT_MS = 1000
/** The same where it waits only for its turn among others, of which all are served. */
const MAX_TURN_MS = 10_000
const RETRY_AFTER_MS = 1000
const MAX_WAITING = 2000
/** What one agent may send at once: so few are never refused, however slow the machine is. */
const FEW = 64
/** Enough to keep the loop busy; what arrives waits for no more than these, whatever else there is to do. */
const MIN_RECENT = 4
const STRANGERS: QueueOwner = { tenant: '', principal: '' }

interface Waiting {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly tenant: string
  /** Monotonic milliseconds. */
  readonly since: number
}

/** What a `RequestGate` needs. */
export interface RequestGateOptions {
  /** The most requests in progress, whatever the load is. */
  readonly max: number
  readonly verifier: Pick<TokenVerifier, 'cached'>
  readonly readLoad: () => LoopLoad
  /** Milliseconds for which this thread has worked. */
  readonly readWork: () => number
  readonly clock: Clock
  readonly onRefused?: () => void
}

/**
 * Bounds the requests in progress, by the load of the process, and while several principals share it also those that began
 * a moment ago, so that their order is fair. What comes beyond waits, tenants in turn, and is refused after a second where
 * there are many; probes and streams pass. In front of everything, because it is the time of the gateway itself that is
 * shared here, before a body is read or a token checked.
 */
export class RequestGate {
  readonly #options: RequestGateOptions
  readonly #limit: AdaptiveLimit
  /** Of those that began a moment ago: while the loop is busy, few, so that what comes next can be in fair order. */
  readonly #recentLimit: AdaptiveLimit
  readonly #recent: RecentRequests
  readonly #waiting = new FairQueue<Waiting>()
  /** Requests in progress of tenants that came while others waited. */
  readonly #present = new Map<string, number>()
  readonly #stop: () => void
  readonly #contention: Contention
  #inProgress = 0
  #serve: RequestListener = () => undefined

  constructor(options: RequestGateOptions) {
    this.#options = options
    const { max, clock } = options
    this.#limit = new AdaptiveLimit({ min: FEW, max, start: START, targetDelayMs: 100 })
    this.#recentLimit = new AdaptiveLimit({ min: MIN_RECENT, max, targetDelayMs: 10 })
    this.#recent = new RecentRequests(options)
    this.#contention = new Contention({ now: () => clock.monotonic() })
    this.#stop = repeat(clock, TICK_MS, () => this.#tick())
  }

  get inProgress(): number {
    return this.#inProgress
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** A listener that hands on to `serve` what may be served now. */
  around(serve: RequestListener): RequestListener {
    this.#serve = serve
    return (request, response) => {
      if (passes(request, response)) return serve(request, response)
      if (this.#waiting.size === 0 && this.#mayPass(request)) return this.#enter(request, response)
      this.#wait(request, response)
    }
  }

  /** Idempotent. What waits is served. */
  close(): void {
    this.#stop()
    for (const place of this.#waiting) this.#leaveQueue(place)
  }

  get #hasPlace(): boolean {
    if (this.#inProgress >= this.#limit.value) return false
    return this.#recent.isBelow(this.#recentLimit.value) || !this.#contention.isShared
  }

  /** Who a request is of matters only where there is more to do than can be done at once. */
  #mayPass(request: IncomingMessage): boolean {
    if (this.#inProgress >= this.#limit.value) return false
    if (this.#recent.isBelow(this.#recentLimit.value)) return true
    this.#contention.note(this.#ownerOf(request).principal)
    return !this.#contention.isShared
  }

  #done(recent: number): void {
    this.#inProgress -= 1
    this.#recent.delete(recent)
    if (this.#waiting.size > 0) this.#next()
  }

  /** @param tenant counted while there is more to do than can be done at once */
  #enter(request: IncomingMessage, response: ServerResponse, tenant?: string): void {
    this.#inProgress += 1
    const recent = this.#recent.add()
    response.on('close', () => this.#done(recent))
    if (tenant !== undefined) this.#count(tenant, response)
    this.#serve(request, response)
  }

  #count(tenant: string, response: ServerResponse): void {
    this.#present.set(tenant, (this.#present.get(tenant) ?? 0) + 1)
    response.once('close', () => {
      const left = (this.#present.get(tenant) ?? 1) - 1
      if (left > 0) this.#present.set(tenant, left)
      else this.#present.delete(tenant)
    })
  }

  /** Whether a tenant has nothing in progress or waiting: its first request does not wait for what others have. */
  #isAbsent({ tenant }: QueueOwner): boolean {
    if (tenant === STRANGERS.tenant || this.#inProgress >= 2 * this.#limit.value) return false
    return !this.#present.has(tenant) && this.#waiting.sizeOf(tenant) === 0 && this.#waiting.size > 0
  }

  #wait(request: IncomingMessage, response: ServerResponse): void {
    const owner = this.#ownerOf(request)
    this.#contention.note(owner.principal)
    if (this.#isAbsent(owner)) return this.#enter(request, response, owner.tenant)
    const isShort = this.#limit.isShort && this.#inProgress >= this.#limit.value
    if (isShort || !this.#hasRoom(owner)) return this.#refuse(request, response)
    const { tenant } = owner
    const waiting: Waiting = { request, response, tenant, since: this.#options.clock.monotonic() }
    const place = this.#waiting.add(waiting, owner)
    response.once('close', () => this.#waiting.remove(place))
  }

  /** At the limit, the tenant with the most waiting makes room for those with less. */
  #hasRoom({ tenant }: QueueOwner): boolean {
    if (this.#waiting.size < MAX_WAITING) return true
    const newest = this.#waiting.newestOfMoreThan(this.#waiting.sizeOf(tenant) + 1)
    if (newest?.item === undefined) return false
    const { request, response } = newest.item
    this.#waiting.remove(newest)
    this.#refuse(request, response)
    return true
  }

  #next(): void {
    for (let { first } = this.#waiting; first !== undefined && this.#hasPlace; { first } = this.#waiting)
      this.#leaveQueue(first)
  }

  #leaveQueue(place: QueuePlace<Waiting>): void {
    if (place.item === undefined) return
    const { request, response, tenant } = place.item
    this.#waiting.served(place)
    if (!response.destroyed) this.#enter(request, response, tenant)
  }

  #tick(): void {
    const load = this.#options.readLoad()
    // Where few are let in at once, it is not the number in progress that keeps the loop busy.
    this.#limit.learn(this.#contention.isShared ? { ...load, delayMs: 0 } : load, this.#inProgress)
    this.#recent.forget()
    this.#recentLimit.learn(load, this.#recent.size)
    const few = Math.min(FEW, this.#options.max)
    const longest = this.#inProgress < this.#limit.value ? MAX_TURN_MS : MAX_WAIT_MS
    const overdue = this.#options.clock.monotonic() - longest
    for (const place of this.#waiting) {
      if (this.#inProgress + this.#waiting.size <= few) break
      if (place.item === undefined || place.item.since > overdue || this.#hasLess(place.item.tenant)) continue
      const { request, response } = place.item
      this.#waiting.remove(place)
      this.#refuse(request, response)
    }
    this.#next()
  }

  /** Whether fewer requests of a tenant wait than of others on average. */
  #hasLess(tenant: string): boolean {
    return this.#waiting.sizeOf(tenant) * this.#waiting.tenants < this.#waiting.size
  }

  /** Those whose token was not seen lately share one turn. */
  #ownerOf({ headers: { authorization = '' } }: IncomingMessage): QueueOwner {
    const principal = this.#options.verifier.cached(authorization.slice('Bearer '.length))?.principal
    if (principal === undefined) return STRANGERS
    return { tenant: principal.tenantId, principal: principalKey(principal) }
  }

  #refuse(request: IncomingMessage, response: ServerResponse): void {
    this.#options.onRefused?.()
    if (response.destroyed) return
    const error = new GatewayError('overloaded', undefined, { facts: { retryAfterMs: RETRY_AFTER_MS } })
    const isMcp = /^\/(mcp|messages)\b/.test(request.url ?? '')
    response.writeHead(503, {
      'Content-Type': isMcp ? 'application/json' : 'application/problem+json',
      'Retry-After': String(RETRY_AFTER_MS / 1000),
      'X-Content-Type-Options': 'nosniff',
    })
    const body = isMcp
      ? { jsonrpc: '2.0', id: null, error: jsonRpcErrorOf(error, 'legacy') }
      : problemOf(error, undefined)
    response.end(JSON.stringify(body))
    request.resume()
  }
}

/** Probes, and what stays open: it is bounded as connections and sessions. */
function passes({ method, url = '', headers }: IncomingMessage, response: ServerResponse): boolean {
  if (response instanceof UpgradeResponse || url === '/healthz' || url === '/readyz') return true
  return method === 'GET' && headers.accept?.includes('text/event-stream') === true
}
