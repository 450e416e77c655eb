const MAX_COOKIES = 20
const MAX_LENGTH = 4096
/** What may stand in a `Cookie` header, as RFC 6265 has it. */
const NAME = /^[\w!#$%&'*+.^`|~-]{1,256}$/
const VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/

interface Cookie {
  readonly value: string
  readonly path: string
  /** On the clock of the system, in milliseconds. */
  readonly expiresAt: number
}

/**
 * The cookies of one connection, such as a load balancer sets to lead each request to the same replica. They go back to
 * the origin that the connection was opened to, and end with the connection.
 */
export class CookieJar {
  /** Whether no response has set one yet. */
  isUnused = true
  readonly #origin: string
  readonly #now: () => number
  readonly #cookies = new Map<string, Cookie>()

  constructor(options: { url: URL; now: () => number }) {
    this.#origin = options.url.origin
    this.#now = options.now
  }

  /** Keeps what a response from `url` sets: the newest 20, of 4 KiB each at most. */
  keep(url: URL, response: { readonly headers: Headers }): void {
    this.keepLines(url, response.headers.getSetCookie())
  }

  /** The same, given the values of the `Set-Cookie` headers. */
  keepLines(url: URL, lines: readonly string[]): void {
    if (url.origin !== this.#origin) return
    for (const line of lines) this.#keepOne(line, url)
  }

  /** The value of the `Cookie` header for a request; `own` is the operator's, whose cookies come first. */
  headerFor(url: URL, own: string | null): string | undefined {
    if (this.#cookies.size === 0 || url.origin !== this.#origin) return undefined
    const taken = new Set(own?.split(';').map((pair) => pair.split('=', 1)[0]?.trim()))
    const fitting = [...this.#cookies].filter(
      ([name, { path, expiresAt }]) =>
        !taken.has(name) && expiresAt > this.#now() && isBelow(url.pathname, path),
    )
    if (fitting.length === 0) return undefined
    const pairs = fitting.map(([name, { value }]) => `${name}=${value}`)
    return [...(own === null ? [] : [own]), ...pairs].join('; ')
  }

  #keepOne(line: string, url: URL): void {
    if (line.length > MAX_LENGTH) return
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
    const [name, value] = split(pair)
    if (!NAME.test(name) || value === undefined || !VALUE.test(value.replaceAll('"', ''))) return
    const given = new Map(attributes.map(split).map(([key, text]) => [key.toLowerCase(), text ?? '']))
    this.#cookies.delete(name)
    const expiresAt = this.#expiry(given)
    if (expiresAt <= this.#now()) return
    const path = given.get('path')
    this.isUnused = false
    this.#cookies.set(name, { value, expiresAt, path: path?.startsWith('/') === true ? path : parentOf(url) })
    const [oldest] = this.#cookies.size > MAX_COOKIES ? this.#cookies.keys() : []
    if (oldest !== undefined) this.#cookies.delete(oldest)
  }

  #expiry(given: ReadonlyMap<string, string>): number {
    const maxAge = given.get('max-age')
    if (maxAge !== undefined && /^-?\d{1,12}$/.test(maxAge)) return this.#now() + Number(maxAge) * 1000
    const expires = Date.parse(given.get('expires') ?? '')
    return Number.isNaN(expires) ? Number.POSITIVE_INFINITY : expires
  }
}

function split(pair: string): [string, string | undefined] {
  const at = pair.indexOf('=')
  return at === -1 ? [pair, undefined] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
}

function parentOf({ pathname }: URL): string {
  return pathname.slice(0, Math.max(1, pathname.lastIndexOf('/')))
}

function isBelow(pathname: string, path: string): boolean {
  if (pathname === path) return true
  return pathname.startsWith(path.endsWith('/') ? path : `${path}/`)
}
