import type { Clock } from '../../domain/clock.ts'
import { isJsonObject, jsonIn, type JsonObject } from '../../domain/json/json.ts'
import { type Principal, principalKey } from '../../domain/principal.ts'

/** What is kept of runs that have ended. */
export interface EndedLimits {
  /** Of all tenants together, and the bytes that they may take. */
  readonly maxKept: number
  readonly maxKeptBytes: number
  /** Milliseconds that a run is kept after its end. */
  readonly keepMs: number
}

/** A run that is over. */
export interface EndedRun {
  readonly id: string
  readonly tenantId: string
  /** Key of the principal that it belongs to. */
  readonly owner: string
  status(): JsonObject
}

interface Kept {
  readonly owner: string
  /** JSON of the status without the result, so that a list reads no results. */
  readonly summary: string
  readonly result: string | undefined
  readonly bytes: number
  /** In monotonic milliseconds. */
  readonly until: number
}

interface OfTenant {
  /** By id, the oldest first. */
  readonly runs: Map<string, Kept>
  bytes: number
}

/** A result of more than this part of all bytes is not kept. */
const LARGEST_PART = 20

/** Runs that have ended, for a while. The tenant that has the most loses its oldest ones for new ones of all. */
export class EndedRuns {
  readonly #limits: EndedLimits
  readonly #clock: Clock
  readonly #ofTenants = new Map<string, OfTenant>()

  constructor(options: { limits: EndedLimits; clock: Clock }) {
    this.#limits = options.limits
    this.#clock = options.clock
  }

  keep(run: EndedRun): void {
    const { id, tenantId, owner } = run
    const { keepMs, maxKeptBytes } = this.#limits
    const { result, ...status } = run.status()
    const json = result === undefined ? undefined : JSON.stringify(result)
    const resultBytes = json === undefined ? 0 : Buffer.byteLength(json)
    const isTooLarge = resultBytes >= maxKeptBytes / LARGEST_PART
    const summary = JSON.stringify({ ...status, ...(isTooLarge && { resultTooLarge: true }) })
    const bytes = Buffer.byteLength(summary) + (isTooLarge ? 0 : resultBytes)
    const of = this.#ofTenants.get(tenantId) ?? { runs: new Map<string, Kept>(), bytes: 0 }
    this.#ofTenants.set(tenantId, of)
    const until = this.#clock.monotonic() + keepMs
    of.runs.set(id, { owner, summary, result: isTooLarge ? undefined : json, bytes, until })
    of.bytes += bytes
    this.#makeRoom()
  }

  /** The status of a run of the principal with its result, while it is kept. */
  status(id: string, principal: Principal): JsonObject | undefined {
    const kept = this.#ofTenants.get(principal.tenantId)?.runs.get(id)
    if (kept === undefined || !this.#isShown(kept, principalKey(principal))) return undefined
    const status = summaryOf(kept)
    return kept.result === undefined ? status : { ...status, result: jsonIn(kept.result) }
  }

  /** Those of the principal, without results. */
  list(principal: Principal): JsonObject[] {
    const owner = principalKey(principal)
    const { runs = new Map<string, Kept>() } = this.#ofTenants.get(principal.tenantId) ?? {}
    return [...runs.values()].filter((kept) => this.#isShown(kept, owner)).map(summaryOf)
  }

  #isShown({ owner, until }: Kept, by: string): boolean {
    return owner === by && until >= this.#clock.monotonic()
  }

  #makeRoom(): void {
    const now = this.#clock.monotonic()
    for (const [tenantId, { runs }] of this.#ofTenants)
      for (const { until } of runs.values()) {
        if (until >= now) break
        this.#dropOldest(tenantId)
      }
    const { maxKept, maxKeptBytes } = this.#limits
    while (this.#sum(({ runs }) => runs.size) > maxKept)
      this.#dropOldest(this.#largest(({ runs }) => runs.size))
    while (this.#sum(({ bytes }) => bytes) > maxKeptBytes)
      this.#dropOldest(this.#largest(({ bytes }) => bytes))
  }

  #sum(sizeOf: (of: OfTenant) => number): number {
    return [...this.#ofTenants.values()].reduce((sum, of) => sum + sizeOf(of), 0)
  }

  /** The tenant that has the most. */
  #largest(sizeOf: (of: OfTenant) => number): string {
    let largest = ''
    let most = -1
    for (const [tenantId, of] of this.#ofTenants) {
      if (sizeOf(of) <= most) continue
      most = sizeOf(of)
      largest = tenantId
    }
    return largest
  }

  #dropOldest(tenantId: string): void {
    const of = this.#ofTenants.get(tenantId)
    const [oldest] = of?.runs ?? []
    if (of === undefined || oldest === undefined) return
    const [id, { bytes }] = oldest
    of.runs.delete(id)
    of.bytes -= bytes
    if (of.runs.size === 0) this.#ofTenants.delete(tenantId)
  }
}

function summaryOf({ summary }: Kept): JsonObject {
  const status = jsonIn(summary)
  return isJsonObject(status) ? status : {}
}
