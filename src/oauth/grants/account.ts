/** A person of a tenant. */
export interface Account {
  readonly tenantId: string
  readonly subject: string
}

/** An account in one text; tenant ids have no slash. */
export function accountId({ tenantId, subject }: Account): string {
  return `${tenantId}/${subject}`
}

/** The account that a text of `accountId` names. */
export function accountOf(id: string): Account {
  const at = id.indexOf('/')
  return { tenantId: id.slice(0, at), subject: id.slice(at + 1) }
}
