import { credentialHolder } from '../../domain/documents/server-auth.ts'
import type { HttpServerDefinition } from '../../domain/documents/server-definition.ts'
import type { Principal } from '../../domain/principal.ts'

/** The role of those who connect accounts of their tenant. */
const OPERATOR = 'operator'

/** Whether a principal may connect the account that its calls to a server use: its own, or as an operator the tenant's. */
export function mayConnect(server: HttpServerDefinition, { roles }: Principal): boolean {
  return credentialHolder(server) === 'person' || roles.includes(OPERATOR)
}
