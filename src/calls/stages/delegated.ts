import { credentialHolder } from '../../domain/documents/server-auth.ts'
import { isHttp } from '../../domain/documents/server-definition.ts'
import type { OpenCredentials } from '../../credentials/credentials-open.ts'
import { forwardedHeaders, forwardsHeaders } from '../client/forwarded-headers.ts'
import type { StageFor } from '../stage.ts'

/**
 * Stage: makes sure that the server can be called on behalf of the caller, before anything is sent: the token of the
 * caller is exchanged, or was issued for the server, too.
 */
export function delegated({ delegation }: Pick<OpenCredentials, 'delegation'>): StageFor {
  return ({ server }) => {
    if (!isHttp(server)) return undefined
    const isExchanged = credentialHolder(server) === 'caller'
    if (!isExchanged && !forwardsHeaders(server)) return undefined
    return async (call, next) => {
      forwardedHeaders(server, call.caller)
      if (isExchanged) await delegation.prepare(server, call.caller)
      return next(call)
    }
  }
}
