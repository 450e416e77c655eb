/** What a browser without scripts shows. */
export interface Shown {
  readonly url: URL
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

type Sent = {
  readonly method?: string
  readonly body?: URLSearchParams
  readonly headers?: Record<string, string>
}

/**
 * A browser without scripts: it keeps cookies, follows redirects on one origin and stops at the first address of
 * another, whose request is not sent.
 */
export class CookieBrowser {
  readonly #origin: string
  readonly #others: readonly string[]
  readonly #cookies = new Map<string, { value: string; path: string }>()

  /** @param others origins that it follows redirects to, too; cookies are shared by the ports of a host */
  constructor(origin: string, ...others: readonly string[]) {
    this.#origin = new URL(origin).origin
    this.#others = others.map((other) => new URL(other).origin)
  }

  /** The header with the cookies for a path. */
  cookies(path = '/'): string {
    return [...this.#cookies]
      .filter(([, cookie]) => path.startsWith(cookie.path))
      .map(([key, { value }]) => `${key.split(' ')[0]}=${value}`)
      .join('; ')
  }

  setCookie(name: string, value: string): void {
    this.#cookies.set(`${name} /`, { value, path: '/' })
  }

  async open(address: string | URL): Promise<Shown> {
    return await this.#send(new URL(address, this.#origin), {})
  }

  /** Follows redirects up to the first address that `isThere`, whose request is not sent. */
  async openUntil(address: string | URL, isThere: (url: URL) => boolean): Promise<URL> {
    return (await this.#send(new URL(address, this.#origin), {}, isThere)).url
  }

  /** Sends the one form of a page, with its hidden fields. */
  async submit(page: Shown, fields: Record<string, string> = {}): Promise<Shown> {
    const action = /<form[^>]*action="([^"]*)"/.exec(page.text)?.[1]
    if (action === undefined) throw new Error(`no form at ${page.url.href}: ${page.text}`)
    const body = new URLSearchParams()
    for (const [input] of page.text.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
      body.set(/name="([^"]*)"/.exec(input)?.[1] ?? '', plain(/value="([^"]*)"/.exec(input)?.[1] ?? ''))
    }
    for (const [name, value] of Object.entries(fields)) body.set(name, value)
    return await this.#send(new URL(plain(action), page.url), {
      method: 'POST',
      body,
      headers: { origin: this.#origin },
    })
  }

  async #send(start: URL, sent: Sent, isThere?: (url: URL) => boolean): Promise<Shown> {
    let url = start
    let { method, body, headers }: Sent = sent
    for (let turn = 0; turn < 20; turn += 1) {
      const isFollowed = url.origin === this.#origin || this.#others.includes(url.origin)
      if (!isFollowed || isThere?.(url) === true) return { url, status: 0, headers: new Headers(), text: '' }
      const response = await fetch(url, {
        ...(method !== undefined && { method }),
        ...(body !== undefined && { body }),
        headers: { accept: 'text/html,*/*;q=0.8', cookie: this.cookies(url.pathname), ...headers },
        redirect: 'manual',
      })
      for (const cookie of response.headers.getSetCookie()) this.#keep(cookie)
      const text = await response.text()
      const location = response.headers.get('location')
      if (location === null) return { url, status: response.status, headers: response.headers, text }
      url = new URL(location, url)
      method = body = headers = undefined
    }
    throw new Error('too many redirects')
  }

  #keep(cookie: string): void {
    const [pair = '', ...attributes] = cookie.split(/;\s*/)
    const at = pair.indexOf('=')
    const path = attributes.find((each) => /^path=/i.test(each))?.slice(5) ?? '/'
    const isOver = attributes.some((each) => /^max-age=0$|^expires=thu, 01 jan 1970/i.test(each))
    const key = `${pair.slice(0, at)} ${path}`
    if (isOver) this.#cookies.delete(key)
    else this.#cookies.set(key, { value: pair.slice(at + 1), path })
  }
}

function plain(text: string): string {
  return text
    .replace(/&#39;/g, "'")
    .replace(/&quot;/g, '"')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
}
