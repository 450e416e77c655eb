import type { FetchLike } from '@modelcontextprotocol/client'
import { challengeIn } from './challenge.ts'
import type { CredentialSource } from './credential-source.ts'

/**
 * A `fetch` that sends the credential of a connection to the origin of its server, and nowhere else. A request that is
 * refused was not handled, and is sent once more with another credential, if there is one.
 */
export function credentialedFetch(
  fetch: FetchLike,
  source: CredentialSource,
  { origin }: { origin: string },
): FetchLike {
  return async (url, init) => {
    if (new URL(url).origin !== origin) return fetch(url, init)
    const first = await source.authorization()
    const response = await fetch(url, withAuthorization(init, first))
    const challenge = challengeIn(response)
    if (challenge === undefined) return response
    await response.body?.cancel()
    const second = await source.refused(first, challenge)
    if (second === undefined) return refusal(response)
    const again = await fetch(url, withAuthorization(init, second))
    const repeated = challengeIn(again, { isLast: true })
    if (repeated === undefined) return again
    await again.body?.cancel()
    await source.refused(second, repeated)
    return refusal(again)
  }
}

function withAuthorization(init: RequestInit | undefined, authorization: string): RequestInit {
  const headers = new Headers(init?.headers)
  headers.set('authorization', authorization)
  return { ...init, headers }
}

/** The same refusal with a body that can be read: the first was given up. */
function refusal({ status, statusText }: Response): Response {
  return new Response('', { status, statusText })
}
