import { decodeJwt } from 'jose'

/** The path of everything that the gateway serves; every other one is below it. */
export const EVERYTHING = ''

/**
 * The paths of the gateway that a token is for, from its `aud`: everything when that names the issuer's audience or
 * PUBLIC_URL, else the resources below PUBLIC_URL that it names (RFC 8707 §2, RFC 9728 §3.3). Empty: none of ours.
 */
export function pathsFor(
  audience: unknown,
  ours: { readonly audience: string; readonly publicUrl: string | undefined },
): readonly string[] {
  const named = (Array.isArray(audience) ? audience : [audience]).filter((each) => typeof each === 'string')
  if (named.includes(ours.audience)) return [EVERYTHING]
  const own = ours.publicUrl === undefined ? undefined : resourceOf(ours.publicUrl)
  if (own === undefined) return []
  const paths = named.flatMap((each) => {
    const resource = resourceOf(each)
    return resource !== undefined && isAt(resource, own) ? [resource.slice(own.length)] : []
  })
  return paths.includes(EVERYTHING) ? [EVERYTHING] : paths
}

/** Whether a verified token names a resource elsewhere, or one above it, as its audience. */
export function isTokenFor(token: string, url: string): boolean {
  const { aud } = decodeJwt(token)
  const wanted = resourceOf(url)
  const named = [aud].flat().flatMap((each) => (each === undefined ? [] : (resourceOf(each) ?? [])))
  return wanted !== undefined && named.some((each) => isAt(wanted, each))
}

/** Whether a token for these paths is one for that path: it names the path itself or one above. */
export function isFor(paths: readonly string[], path: string): boolean {
  return paths.some((each) => isAt(path, each))
}

function isAt(path: string, parent: string): boolean {
  return path === parent || path.startsWith(`${parent}/`)
}

/** A URL in the one form that is compared: clients write the host and the last slash as they like. */
function resourceOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { protocol, origin, pathname, search, hash, username, password } = new URL(text)
  if (!/^https?:$/.test(protocol) || `${search}${hash}${username}${password}` !== '') return undefined
  return `${origin}${pathname.replace(/(?<!\/)\/+$/, '')}`
}
