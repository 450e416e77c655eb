import type { HttpServerDefinition } from '../../domain/documents/server-definition.ts'
import type { Principal } from '../../domain/principal.ts'

/** What a server said when it refused a request with HTTP 401 or 403. */
export interface Challenge {
  readonly status: 401 | 403
  /** The scopes that the request needs, where the server named them. */
  readonly scopes: readonly string[]
  /** Whether it was refused for want of scopes (RFC 6750 §3.1). */
  readonly isScope: boolean
  /** Whether the request was sent with another credential before, so that there is no further try. */
  readonly isLast: boolean
}

/** Where the requests of one connection get their credential from. */
export interface CredentialSource {
  /**
   * The `Authorization` header of the next request.
   * @throws GatewayError `credential_required` when there is none, `upstream_unavailable` when the
   * authorization server does not issue one at present
   */
  authorization(): Promise<string>
  /**
   * The server refused a request with this header. Resolves with another one to try, once.
   * @throws GatewayError `credential_required` when only a person can help; undefined when no person can
   */
  refused(authorization: string, challenge: Challenge): Promise<string | undefined>
}

/**
 * The credential of the connections to a server; undefined where its document holds all that is sent.
 * @param onBehalfOf the caller that the connection is for; absent if it is for all callers
 */
export type CredentialsOf = (
  server: HttpServerDefinition,
  onBehalfOf: Principal | undefined,
) => CredentialSource | undefined
