import { documentOf } from '../../domain/access/explanation.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { Principal } from '../../domain/principal.ts'
import { type ServerDefinition, serverKey } from '../../domain/documents/server-definition.ts'
import type { Allowance, Allowances } from './allowances.ts'
import type { Call, Route } from '../call.ts'
import type { Stage } from '../stage.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

/** The call quotas of a tenant; an absent quota is no limit. */
export interface CallQuotas {
  readonly callsPerMinute?: number | undefined
  readonly callsPerDay?: number | undefined
  /** Whether all replicas count together. */
  readonly shared?: boolean | undefined
}

/** An allowance, and the error message when it is used up. */
interface Limit extends Allowance {
  readonly message: string
  /** Where the limit stands: a document of the registry, and the field in it. */
  readonly document: string
  readonly field: string
}

/** A limit that refuses a caller's next call. */
export interface UsedLimit {
  readonly document: string
  readonly field: string
  /** Calls within the period. */
  readonly value: number
  readonly message: string
  readonly retryAfterMs: number
}

/**
 * How many calls callers may make: the `rateLimit` of servers and the quotas of tenants, each in this process; shared quotas
 * are counted with other replicas.
 */
export class Limits {
  readonly #allowances: Allowances
  readonly #quotasOf: (tenantId: string) => CallQuotas | undefined

  constructor(options: { allowances: Allowances; quotasOf: (tenantId: string) => CallQuotas | undefined }) {
    this.#allowances = options.allowances
    this.#quotasOf = options.quotasOf
  }

  /** Stage: refuses calls beyond the limits of server and tenant. A refused call counts towards neither. */
  readonly stage: Stage = (call, next) => {
    const refusal = this.refusal(call.caller.principal, call.route.server)
    return refusal === undefined ? next(call) : Promise.reject(refusal)
  }

  /** Takes a call from the limits of the tenant and the server; why not, if one of them is reached. */
  refusal(principal: Principal, server: ServerDefinition): GatewayError | undefined {
    const quotas = this.#quotasOf(principal.tenantId)
    if (!isLimited(server, quotas)) return undefined
    return this.#take([...limitsOfTenant(principal, quotas), ...limitsOfServer(principal, server)])
  }

  /** Whether there is a limit for the calls of a principal to a server. */
  counts(principal: Principal, server: ServerDefinition): boolean {
    return isLimited(server, this.#quotasOf(principal.tenantId))
  }

  /**
   * Takes a call from the limits of another server that the call is sent to instead; the tenant's quotas have counted
   * it already.
   */
  refusalOf({ caller }: Call, { server }: Route): GatewayError | undefined {
    return this.#take(limitsOfServer(caller.principal, server))
  }

  /** The limits that would refuse the next call of a caller to a server; takes no call from them. */
  usedUp(principal: Principal, server: ServerDefinition): UsedLimit[] {
    const quotas = this.#quotasOf(principal.tenantId)
    const limits = [...limitsOfTenant(principal, quotas), ...limitsOfServer(principal, server)]
    return this.#allowances.usedUp(limits).map(({ allowance, retryAfterMs }) => {
      const { document, field, calls, message } = allowance
      return { document, field, value: calls, message, retryAfterMs }
    })
  }

  #take(limits: readonly Limit[]): GatewayError | undefined {
    const refused = limits.length === 0 ? undefined : this.#allowances.take(limits)
    if (refused === undefined) return undefined
    const { allowance, retryAfterMs } = refused
    return new GatewayError('rate_limited', allowance.message, {
      facts: { mayHaveExecuted: false, retryAfterMs },
    })
  }
}

function isLimited({ rateLimit }: ServerDefinition, quotas: CallQuotas | undefined): boolean {
  return (rateLimit ?? quotas?.callsPerMinute ?? quotas?.callsPerDay) !== undefined
}

function limitsOfTenant({ tenantId }: Principal, quotas: CallQuotas = {}): Limit[] {
  const { callsPerMinute, callsPerDay, shared = false } = quotas
  const limit = (calls: number | undefined, perMs: number, unit: 'minute' | 'day'): Limit[] =>
    calls === undefined
      ? []
      : [
          {
            calls,
            perMs,
            isShared: shared,
            ...keys(unit, tenantId),
            message: `The tenant has reached its limit of calls per ${unit}`,
            document: `tenants/${tenantId}`,
            field: unit === 'minute' ? 'quotas.callsPerMinute' : 'quotas.callsPerDay',
          },
        ]
  return [...limit(callsPerMinute, MINUTE_MS, 'minute'), ...limit(callsPerDay, DAY_MS, 'day')]
}

function limitsOfServer(principal: Principal, server: ServerDefinition): Limit[] {
  if (server.rateLimit === undefined) return []
  const { calls, perMs, per } = server.rateLimit
  const message = `Server ${server.name} has reached its rate limit per ${per}`
  const where = { document: documentOf(server), field: 'rateLimit.calls' }
  return [
    { calls, perMs, ...keys(`${serverKey(server)} ${per}`, sharerOf(principal, per)), message, ...where },
  ]
}

function keys(what: string, who: string): Pick<Allowance, 'key' | 'commonKey'> {
  return { key: `${what}\n${who}`, commonKey: what }
}

/** Rights are not part of the key: the same caller with a narrower token shares the same allowance. */
function sharerOf(
  { tenantId, issuer, subject }: Principal,
  per: NonNullable<ServerDefinition['rateLimit']>['per'],
): string {
  switch (per) {
    case 'server':
      return ''
    case 'tenant':
      return tenantId
    case 'principal':
      return JSON.stringify([tenantId, issuer, subject])
  }
}
