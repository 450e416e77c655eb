import { CookieBrowser } from '../support/cookie-browser.ts'
import { freePort } from '../support/free-port.ts'
import { newClient, signIn } from '../support/oauth-client.ts'
import { startTestGateway } from '../support/start-gateway.ts'
import { type Results, runSuite, type SuiteVersion } from './suite.ts'

const ADDRESS = /http:\/\/127\.0\.0\.1:\d+\/oauth\/authorize\?\S+/

/** Runs the suite against the authorization server of a gateway, with a person who allows what the suite asks for. */
export async function runAuthorization(options: {
  version: SuiteVersion
  selection: readonly string[]
  outputDir: string
}): Promise<Results> {
  const gateway = await startTestGateway({})
  const { url: issuer } = gateway
  try {
    const port = await freePort()
    const clientId = await newClient(issuer, { redirect_uris: [`http://127.0.0.1:${port}/callback`] })
    const browser = new CookieBrowser(issuer)
    await signIn(browser, gateway.gateway.signInLink?.())
    const asked = new Set<string>()
    const onOutput = (text: string): void => {
      const address = ADDRESS.exec(text)?.[0]
      if (address === undefined || asked.has(address)) return
      asked.add(address)
      void allow(browser, address)
    }
    const resource = `${issuer}/mcp`
    const client = ['--client-id', clientId, '--resource', resource, '--port', String(port)]
    const args = ['authorization', '--url', issuer, ...client, ...options.selection]
    return await runSuite({ ...options, args, onOutput })
  } finally {
    await gateway.close()
  }
}

/** The click, after which the browser goes to the suite. */
async function allow(browser: CookieBrowser, address: string): Promise<void> {
  const back = await browser.submit(await browser.open(address), { decision: 'allow' })
  await fetch(back.url)
}
