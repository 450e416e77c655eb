/** What came back for a page, after everything that a browser follows by itself. */
export interface SeenPage {
  readonly url: string
  readonly status: number
  readonly text: string
}

const MAX_STEPS = 20

/** A browser of one person: keeps cookies by host and port, follows redirects and refreshes, and submits forms. */
export class PersonBrowser {
  readonly #cookies = new Map<string, Map<string, string>>()
  /** The URLs that were visited. */
  readonly visited: string[] = []

  /** Sets a cookie for the host and port of an address. */
  setCookie(url: string, name: string, value: string): void {
    const { host } = new URL(url)
    const jar = this.#cookies.get(host) ?? new Map<string, string>()
    this.#cookies.set(host, jar.set(name, value))
  }

  open(url: string): Promise<SeenPage> {
    return this.#follow(url, { method: 'GET' })
  }

  /** Submits the first form of a page as it is. */
  submit(page: SeenPage): Promise<SeenPage> {
    const [, action] = /<form method="post" action="([^"]+)"/.exec(page.text) ?? []
    if (action === undefined) throw new Error(`no form on ${page.url}: ${page.text}`)
    const fields = [...page.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)]
    const body = new URLSearchParams(
      fields.map(([, name = '', value = '']): [string, string] => [name, value]),
    )
    return this.#follow(new URL(action, page.url).href, { method: 'POST', body })
  }

  /** Stops where a browser would go next to an address that begins so, and says which. */
  async openUntil(url: string, prefix: string, page?: SeenPage): Promise<string> {
    const before = this.visited.length
    this.#stopAt = prefix
    try {
      await (page === undefined ? this.open(url) : this.submit(page))
    } catch (error) {
      if (!(error instanceof Stopped)) throw error
      return error.url
    } finally {
      this.#stopAt = undefined
    }
    throw new Error(`never came to ${prefix}: ${this.visited.slice(before).join(' -> ')}`)
  }

  #stopAt: string | undefined

  async #follow(first: string, request: { method: string; body?: URLSearchParams }): Promise<SeenPage> {
    let url = first
    let { method, body } = request as { method: string; body: URLSearchParams | undefined }
    for (let step = 0; step < MAX_STEPS; step += 1) {
      if (this.#stopAt !== undefined && url.startsWith(this.#stopAt)) throw new Stopped(url)
      this.visited.push(url)
      const response = await fetch(url, {
        method,
        redirect: 'manual',
        headers: { cookie: this.#cookieFor(url), ...(method === 'POST' && { origin: new URL(url).origin }) },
        ...(body !== undefined && { body }),
      })
      this.#keep(url, response)
      const text = await response.text()
      const next =
        response.headers.get('location') ?? /^0; url=(.+)$/.exec(response.headers.get('refresh') ?? '')?.[1]
      if (next === undefined) return { url, status: response.status, text }
      url = new URL(next, url).href
      method = 'GET'
      body = undefined
    }
    throw new Error(`too many redirects: ${this.visited.slice(-MAX_STEPS).join(' -> ')}`)
  }

  #cookieFor(url: string): string {
    const jar = this.#cookies.get(new URL(url).host) ?? new Map<string, string>()
    return [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  #keep(url: string, response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const at = pair.indexOf('=')
      this.setCookie(url, pair.slice(0, at), pair.slice(at + 1))
    }
  }
}

class Stopped extends Error {
  readonly url: string

  constructor(url: string) {
    super(url)
    this.url = url
  }
}
