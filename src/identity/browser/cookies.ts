/** The most characters of a `Cookie` header that are looked at. */
const MAX_HEADER = 16 * 1024

/** The value of the first cookie of that name in a `Cookie` header (RFC 6265 §5.4). */
function cookieIn(header: string | undefined, name: string): string | undefined {
  if (header === undefined || header.length > MAX_HEADER) return undefined
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=')
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}

/**
 * A `Set-Cookie` value that scripts and other sites cannot use. Over https the name has the prefix `__Host-`, so that
 * no other host can set it; elsewhere it has the port, because cookies of one host are shared by all its ports.
 */
export class HostCookie {
  readonly name: string
  readonly #isSecure: boolean

  constructor({ name, publicUrl }: { name: string; publicUrl: string }) {
    const { protocol, port } = new URL(publicUrl)
    this.#isSecure = protocol === 'https:'
    this.name = this.#isSecure ? `__Host-${name}` : `${name}-${port === '' ? '80' : port}`
  }

  read(header: string | undefined): string | undefined {
    return cookieIn(header, this.name)
  }

  set(value: string, maxAgeSeconds: number): string {
    return `${this.name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${this.#isSecure ? '; Secure' : ''}`
  }

  clear(): string {
    return this.set('', 0)
  }
}
