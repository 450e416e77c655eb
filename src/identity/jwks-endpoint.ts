import type { JSONWebKeySet } from 'jose'
import { z } from 'zod'
import type { Outbound } from '../outbound/outbound.ts'
import { boundedText, chunksOf } from '../domain/text/bounded-text.ts'

const MAX_BODY_BYTES = 256 * 1024
/** Of what is read, which shows that there is more than allowed. */
const LIMIT_BYTES = 2 * MAX_BODY_BYTES
const MAX_KEYS = 100

const jwksDocument = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(MAX_KEYS) })
const discoveryDocument = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) })

/**
 * The public keys that an issuer publishes, from `jwksUrl` or where its discovery document says
 * (OpenID Connect Discovery 1.0 §4). Symmetric and private keys are left out. Redirects are not followed.
 * @throws Error saying what is wrong, for operators
 */
export async function fetchJwks(
  source: { readonly issuer: string; readonly jwksUrl: string | undefined },
  outbound: Outbound,
  signal: AbortSignal,
): Promise<JSONWebKeySet> {
  const url = source.jwksUrl ?? (await discover(source.issuer, outbound, signal))
  const document = jwksDocument.safeParse(await getJson(url, outbound, signal))
  if (!document.success)
    throw new Error(`${url} is not a JSON Web Key Set: ${z.prettifyError(document.error)}`)
  const keys = document.data.keys.filter((key) => key.kty !== 'oct' && !('d' in key))
  if (keys.length === 0) throw new Error(`${url} has no public key`)
  return { keys }
}

async function discover(issuer: string, outbound: Outbound, signal: AbortSignal): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const document = discoveryDocument.safeParse(await getJson(url, outbound, signal))
  if (!document.success)
    throw new Error(`${url} is not a discovery document: ${z.prettifyError(document.error)}`)
  if (document.data.issuer !== issuer) throw new Error(`${url} is the document of another issuer`)
  const jwksUrl = document.data.jwks_uri
  if (issuer.startsWith('https:') && !jwksUrl.startsWith('https:')) {
    throw new Error(`${url} names a key set that is not served over https`)
  }
  return jwksUrl
}

async function getJson(url: string, outbound: Outbound, signal: AbortSignal): Promise<unknown> {
  const response = await outbound.fetch(url, {
    signal,
    headers: { accept: 'application/json' },
    maxBytes: LIMIT_BYTES,
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`${url} answered with status ${response.status}`)
  }
  const text = await boundedText(chunksOf(response), MAX_BODY_BYTES)
  if (text === undefined) throw new Error(`${url} answered with more than ${MAX_BODY_BYTES} bytes`)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`${url} did not answer with JSON`, { cause })
  }
}
