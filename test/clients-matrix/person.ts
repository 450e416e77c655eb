import type { Browser, BrowserContext, Page } from 'playwright-core'

/** How long a page may take on a machine that is busy, in milliseconds. */
const PAGE_MS = 30_000

/** Somebody with a browser, who allows what clients ask for. */
export class Person implements AsyncDisposable {
  readonly #context: BrowserContext
  readonly #tenant: string | undefined

  private constructor(context: BrowserContext, tenant: string | undefined) {
    this.#context = context
    this.#tenant = tenant
  }

  /**
   * Opens a new browser, in which nobody is signed in.
   * @param options.signInLink the one-time link of a gateway on this machine, which signs in at once
   * @param options.tenant the organisation to give where a page asks for it
   */
  static async open(browser: Browser, options: { signInLink?: string; tenant?: string }): Promise<Person> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
    context.setDefaultTimeout(PAGE_MS)
    const person = new Person(context, options.tenant)
    if (options.signInLink !== undefined) await person.#signIn(options.signInLink)
    return person
  }

  async #signIn(link: string): Promise<void> {
    const page = await this.#context.newPage()
    await page.goto(link)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL((url) => url.pathname !== '/signin')
    await page.close()
  }

  newPage(): Promise<Page> {
    return this.#context.newPage()
  }

  /** Opens the address that a client wants a browser to be opened with, and allows it; resolves with what was asked. */
  async allow(address: string): Promise<string> {
    const page = await this.newPage()
    await page.goto(address)
    const asked = await this.allowOn(page)
    await page.close()
    return asked
  }

  /** Answers the pages of the gateway that a client has led to: the organisation, and the consent. */
  async allowOn(page: Page): Promise<string> {
    const allow = page.getByRole('button', { name: 'Allow' })
    const organisation = page.getByLabel('Organisation')
    await allow.or(organisation).first().waitFor()
    if (await organisation.isVisible()) {
      await organisation.fill(this.#tenant ?? '')
      await page.getByRole('button', { name: 'Continue' }).click()
      await allow.waitFor()
    }
    const asked = (await page.getByRole('heading', { level: 1 }).textContent()) ?? ''
    const { origin } = new URL(page.url())
    await allow.click()
    await page.waitForURL((url) => url.origin !== origin)
    if (!page.url().startsWith('http')) throw new Error(`the browser ended at ${page.url()}`)
    return asked.trim()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close()
  }
}
