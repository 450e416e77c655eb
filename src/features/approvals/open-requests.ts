import { addTo } from '../../domain/concurrency/counts.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { ApprovalRequest } from './approval-request.ts'
import type { Slot } from './request-keys.ts'
import type { RequestStore } from './request-store.ts'

/** Of a tenant, however many it may have open: a new request looks at all of them. */
const MAX_COUNTED = 20_000
/** Open or ended within the last hour, for each that a caller or a tenant may have open. */
const KEPT_FOR_EACH_OPEN = 25

/** Limits the open requests of a caller and a tenant, so that no caller floods the approvers. */
export class OpenRequests {
  readonly #requests: Pick<RequestStore, 'list'>
  readonly #perPrincipal: number
  readonly #perTenant: number
  /** Those that are being made in this process, by tenant and by caller. */
  readonly #begun = new Map<string, number>()

  constructor(options: { requests: Pick<RequestStore, 'list'>; perPrincipal: number; perTenant: number }) {
    this.#requests = options.requests
    this.#perPrincipal = options.perPrincipal
    this.#perTenant = options.perTenant
  }

  /**
   * Makes a request, if there is room for it.
   * @throws GatewayError `too_many_approvals`
   */
  async withRoom<T>({ tenantId, owner }: Slot, make: () => Promise<T>): Promise<T> {
    const names = [tenantId, `${tenantId}/${owner}`]
    for (const name of names) addTo(this.#begun, name, 1)
    try {
      await this.#check(tenantId, owner)
      return await make()
    } finally {
      for (const name of names) addTo(this.#begun, name, -1)
    }
  }

  async #check(tenantId: string, owner: string): Promise<void> {
    const begun = this.#others(`${tenantId}/${owner}`)
    const maxOwn = this.#perPrincipal * KEPT_FOR_EACH_OPEN
    const own = await this.#requests.list(tenantId, { owner, limit: maxOwn })
    if (own.length + begun >= maxOwn) throw tooMany('caller', maxOwn, ' or were answered lately')
    if (openIn(own) + begun >= this.#perPrincipal) throw tooMany('caller', this.#perPrincipal)
    const others = this.#others(tenantId)
    const maxAll = Math.min(this.#perTenant * KEPT_FOR_EACH_OPEN, MAX_COUNTED)
    const all = await this.#requests.list(tenantId, { limit: maxAll })
    if (all.length + others >= maxAll) throw tooMany('tenant', maxAll, ' or were answered lately')
    if (openIn(all) + others >= this.#perTenant) throw tooMany('tenant', this.#perTenant)
  }

  /** Requests that are being made at the same time as the current one. */
  #others(name: string): number {
    return (this.#begun.get(name) ?? 1) - 1
  }
}

function openIn(requests: readonly ApprovalRequest[]): number {
  return requests.filter(({ status }) => status === 'open').length
}

function tooMany(whose: 'caller' | 'tenant', limit: number, orEnded = ''): GatewayError {
  return new GatewayError(
    'too_many_approvals',
    `The ${whose} has ${limit} calls that wait for approval${orEnded}, which is the limit`,
    { facts: { mayHaveExecuted: false } },
  )
}
