import { isJsonObject } from '../../domain/json/json.ts'
import type { ClientFormat } from '../../registry/clients/client-formats.ts'

const ASK_MS = 2000
const RESOURCE_METADATA = '/.well-known/oauth-protected-resource/mcp'

/** How a client is to get in: by signing in at the gateway, or with a token; and why, for the person. */
export interface WayIn {
  readonly signsIn: boolean
  readonly reason: string
}

/**
 * What was asked for; else signing in, where the gateway offers that, the client can do it, and the environment has no
 * token for it: a client with a header that nothing fills in does not sign in.
 */
export async function wayIn(
  { title, signIn: habit }: ClientFormat,
  { token, signIn }: { readonly token?: string; readonly signIn?: boolean },
  { url, env }: { readonly url: string; readonly env: NodeJS.ProcessEnv },
): Promise<WayIn> {
  if (token !== undefined) return { signsIn: false, reason: 'The token stands in it, as --token says.' }
  const signsIn = `has the address only, and ${title} signs you in`
  if (signIn === true) return { signsIn: true, reason: `It ${signsIn}, as --sign-in says.` }
  if (habit === 'never') return tokenBecause(`${title} does not sign in`)
  if (habit !== 'always' && env['TOOL_GATEWAY_TOKEN'])
    return tokenBecause('TOOL_GATEWAY_TOKEN is set; --sign-in leaves it out')
  const offer = await signInOffer(url)
  if (habit === 'always' && offer === false)
    return { signsIn: true, reason: `It has no token, and ${url} offers no sign-in: give --token.` }
  if (habit === 'always')
    return { signsIn: true, reason: 'It has the address only: tool-gateway connect signs you in.' }
  if (offer === undefined)
    return tokenBecause(`${url} does not answer whether it offers sign-in; --sign-in leaves it out`)
  if (!offer) return tokenBecause(`${url} offers no sign-in`)
  return { signsIn: true, reason: `It ${signsIn}, because ${url} offers that; --token writes a token.` }
}

function tokenBecause(why: string): WayIn {
  return { signsIn: false, reason: `It is for a token, because ${why}.` }
}

/** Whether a gateway has an authorization server; undefined where it does not answer. */
async function signInOffer(url: string): Promise<boolean | undefined> {
  try {
    const signal = AbortSignal.timeout(ASK_MS)
    const response = await fetch(`${url}${RESOURCE_METADATA}`, { signal, redirect: 'error' })
    const metadata = await response.json()
    if (!response.ok || !isJsonObject(metadata)) return undefined
    return Array.isArray(metadata['authorization_servers'])
  } catch {
    return undefined
  }
}
