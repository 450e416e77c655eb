import { GatewayError } from '../domain/errors/errors.ts'
import type { Presented } from '../domain/presented.ts'
import type { Principal } from '../domain/principal.ts'

/** Who sent an HTTP request, and the id of the request in logs and records. */
export interface Identity {
  readonly principal: Principal
  readonly requestId: string
  /** What the caller's program calls itself (`X-Client-Name`); anybody may say anything there. */
  readonly clientName?: string | undefined
  /** The address of the sender, or that of a proxy that is not trusted. */
  readonly address?: string | undefined
  /** When the request arrived, in monotonic milliseconds. */
  readonly arrivedAt?: number | undefined
  /** What the request itself brought; absent without a token. */
  readonly presented?: Presented | undefined
  /** Set only for a person who is signed in in a browser. */
  readonly isPerson?: boolean
  /** The paths that the token is for (`isFor`); absent: none. */
  readonly paths?: readonly string[]
  /** Other agents that the token lists. */
  readonly agents?: readonly string[]
}

declare global {
  namespace Express {
    interface Locals {
      /** Who sent the request; set by the authentication and by nothing else. */
      identity?: Identity
    }
  }
}

/**
 * Who sent the request that a response answers. A route that was mounted in front of the authentication fails closed
 * here.
 * @throws GatewayError `missing_token`
 */
export function identityOf({ locals }: { readonly locals: Express.Locals }): Identity {
  if (locals.identity === undefined) throw new GatewayError('missing_token')
  return locals.identity
}

/** The id of the request that a response answers, as logs and errors name it. */
export function requestIdOf({ locals }: { readonly locals: Express.Locals }): string {
  return locals.requestId ?? 'unknown'
}
