import { credentialHolder } from '../domain/documents/server-auth.ts'
import { isHttp, type ServerDefinition } from '../domain/documents/server-definition.ts'
import { ALL_TENANTS, type Principal, principalKey } from '../domain/principal.ts'

/** The isolation key of the connections that belong to one session. */
export function sessionKey(sessionId: string): string {
  return `session:${sessionId}`
}

/** Whether a key is that of a session, for whichever account. */
export function isOfSession(isolationKey: string, key: string): boolean {
  return isolationKey === key || isolationKey.startsWith(`${key} `)
}

/**
 * Callers with different keys never share an upstream connection, and neither do callers with different accounts at the
 * server. The empty key is the server's first pool.
 */
export function isolationKeyOf(
  server: ServerDefinition,
  { principal, sessionId }: { readonly principal: Principal; readonly sessionId: string | undefined },
): string {
  switch (server.sharing) {
    case 'global':
      return withAccount(server, principal, '')
    case 'tenant':
      return withAccount(
        server,
        principal,
        server.tenantId === ALL_TENANTS ? `tenant:${principal.tenantId}` : '',
      )
    case 'session':
      return withAccount(server, principal, sessionKey(sessionId ?? principalKey(principal)))
  }
}

/** A key of the callers who use the same account at the server. */
export function withAccount(server: ServerDefinition, principal: Principal, key: string): string {
  const account = accountPart(server, principal)
  return account === '' ? key : `${key} ${account}`
}

function accountPart(server: ServerDefinition, principal: Principal): string {
  const { tenantId, subject } = principal
  switch (isHttp(server) ? credentialHolder(server) : 'server') {
    case 'server':
      return ''
    case 'caller':
      // A token with other rights is exchanged for one with other rights, and agents are told apart.
      return `caller:${principalKey(principal)}`
    case 'tenant':
      // A server of one tenant has one account.
      return server.tenantId === ALL_TENANTS ? `account:${tenantId}` : ''
    case 'person':
      return `account:${JSON.stringify([tenantId, subject])}`
  }
}

/** Whether every pool of a server belongs to an account, so that none can be opened for all callers. */
export function hasAccounts(server: ServerDefinition): boolean {
  const holder = isHttp(server) ? credentialHolder(server) : 'server'
  return holder === 'person' || (holder === 'tenant' && server.tenantId === ALL_TENANTS)
}

/** Whether the pool of a caller is for one credential, so that it is opened on behalf of that caller. */
export function isOnBehalf(server: ServerDefinition, principal: Principal): boolean {
  return accountPart(server, principal) !== ''
}
