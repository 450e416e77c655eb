import type { ServerDefinition } from '../domain/documents/server-definition.ts'
import { ALL_TENANTS, type Principal, principalKey } from '../domain/principal.ts'

/** The isolation key of the connections that belong to one session. */
export function sessionKey(sessionId: string): string {
  return `session:${sessionId}`
}

/** Callers with different keys never share an upstream connection. The empty key is the server's first pool. */
export function isolationKeyOf(
  server: ServerDefinition,
  { principal, sessionId }: { readonly principal: Principal; readonly sessionId: string | undefined },
): string {
  switch (server.sharing) {
    case 'global':
      return ''
    case 'tenant':
      return server.tenantId === ALL_TENANTS ? `tenant:${principal.tenantId}` : ''
    case 'session':
      return sessionKey(sessionId ?? principalKey(principal))
  }
}
