const MAX_LENGTH = 6000
const ORIGIN = 'http://gateway.invalid'

/** Where a browser goes that wanted nothing in particular. */
export const HOME = '/signin'

/**
 * A path of the gateway, with its query, that a browser may be sent to after the sign-in; `HOME` for anything that could
 * lead to another origin, whatever a browser makes of it.
 */
export function returnPath(value: unknown): string {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return HOME
  if (!/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(value)) return HOME
  const url = URL.parse(value, ORIGIN)
  if (url?.origin !== ORIGIN || url.pathname.startsWith('//')) return HOME
  return url.pathname === '/' ? HOME : `${url.pathname}${url.search}`
}
