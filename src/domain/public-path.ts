/**
 * The path under which clients reach a path of the gateway: a proxy may serve it below another path, which PUBLIC_URL
 * then contains.
 */
export function publicPath(publicUrl: string, path: string): string {
  return `${basePathOf(publicUrl)}${path}`
}

/** The path that PUBLIC_URL has, without a trailing slash; empty for a bare origin. */
export function basePathOf(publicUrl: string): string {
  return (URL.parse(publicUrl)?.pathname ?? '').replace(/(?<!\/)\/+$/, '')
}
