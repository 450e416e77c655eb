import type { TokenWish } from './machine-grants.ts'
import type { TokenPlace } from './token-places.ts'

/** What a token is asked for: what the document says, else what the server says of itself. */
export function wishOf(
  { scopes, resource, audience }: TokenWish,
  place: Pick<TokenPlace, 'scopes' | 'resource'>,
): TokenWish {
  return {
    scopes: scopes ?? place.scopes,
    resource: resource === 'none' ? undefined : (resource ?? place.resource),
    audience,
  }
}
