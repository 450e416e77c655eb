import { addTo } from '../../domain/concurrency/counts.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { ApprovalRequest } from './approval-request.ts'
import type { Slot } from './request-keys.ts'
import type { RequestStore } from './request-store.ts'

/** Requests that are looked at, those that have ended within the last hour among them. */
const MAX_COUNTED = 20_000
/** Open or not, for each that a caller may have open. */
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
    const maxKept = this.#perPrincipal * KEPT_FOR_EACH_OPEN
    const own = await this.#requests.list(tenantId, { owner, limit: maxKept })
    if (own.length + begun >= maxKept)
      throw new GatewayError(
        'too_many_approvals',
        `The caller has ${maxKept} calls that wait for approval or were answered lately, which is the limit`,
        { facts: { mayHaveExecuted: false } },
      )
    if (openIn(own) + begun >= this.#perPrincipal)
      throw new GatewayError(
        'too_many_approvals',
        `The caller has ${this.#perPrincipal} calls that wait for approval, which is the limit`,
        { facts: { mayHaveExecuted: false } },
      )
    const all = await this.#requests.list(tenantId, { limit: MAX_COUNTED })
    if (openIn(all) + this.#others(tenantId) >= this.#perTenant)
      throw new GatewayError(
        'too_many_approvals',
        `The tenant has ${this.#perTenant} calls that wait for approval, which is the limit`,
        { facts: { mayHaveExecuted: false } },
      )
  }

  /** Requests that are being made at the same time as the current one. */
  #others(name: string): number {
    return (this.#begun.get(name) ?? 1) - 1
  }
}

function openIn(requests: readonly ApprovalRequest[]): number {
  return requests.filter(({ status }) => status === 'open').length
}
