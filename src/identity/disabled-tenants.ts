import { GatewayError } from '../domain/errors/errors.ts'

/** The tenants that are disabled: all of their tokens are refused. */
export class DisabledTenants {
  #ids: ReadonlySet<string> = new Set()

  set(ids: Iterable<string>): void {
    this.#ids = new Set(ids)
  }

  has(tenantId: string): boolean {
    return this.#ids.has(tenantId)
  }

  /** @throws GatewayError `tenant_disabled` for one of them */
  check(tenantId: string): void {
    if (this.has(tenantId)) throw new GatewayError('tenant_disabled')
  }
}
