import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  Client,
  SSEClientTransport as NewSse,
  StreamableHTTPClientTransport as NewHttp,
} from '@modelcontextprotocol/client'
import { Client as FirstClient } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport as FirstSse } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport as FirstHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { connectVsCode } from '../clients-matrix/clients/vs-code.ts'
import { CookieBrowser } from '../support/cookie-browser.ts'
import { signIn } from '../support/oauth-client.ts'
import { NotingProvider } from '../support/oauth-provider.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, modernHttp } from '../support/upstreams/sample-http.ts'

let upstream: HttpUpstream
let gateway: TestGateway
let browser: CookieBrowser

beforeAll(async () => {
  upstream = await modernHttp()
  gateway = await startTestGateway({ sample: { transport: 'streamable-http', url: upstream.url } })
  browser = new CookieBrowser(gateway.url)
  await signIn(browser, gateway.gateway.signInLink?.())
})

afterAll(async () => {
  await gateway.close()
  await upstream.close()
})

interface Connected {
  readonly tools: () => Promise<string[]>
  readonly call: (tool: string) => Promise<unknown>
  readonly close: () => Promise<void>
}

type Connect = (provider: NotingProvider) => {
  connect: () => Promise<Connected>
  finish: (back: URL) => Promise<void>
}

const INFO = { name: 'probe', version: '1' }
const hello = { text: 'hello' }

function first(path: string): Connect {
  return (authProvider) => {
    const kind = path === '/sse' ? FirstSse : FirstHttp
    const open = () => new kind(new URL(path, gateway.url), { authProvider })
    return {
      finish: async (back) => await open().finishAuth(back.searchParams.get('code') ?? ''),
      connect: async () => {
        const client = new FirstClient(INFO)
        await client.connect(open())
        return {
          tools: async () => (await client.listTools()).tools.map(({ name }) => name),
          call: async (name) => (await client.callTool({ name, arguments: hello })).content,
          close: () => client.close(),
        }
      },
    }
  }
}

function second(path: string, era: 'legacy' | 'modern'): Connect {
  return (authProvider) => {
    const kind = path === '/sse' ? NewSse : NewHttp
    const open = () => new kind(new URL(path, gateway.url), { authProvider })
    return {
      finish: async (back) => await open().finishAuth(back.searchParams),
      connect: async () => {
        const client = new Client(
          INFO,
          era === 'modern' ? { versionNegotiation: { mode: { pin: '2026-07-28' } } } : {},
        )
        await client.connect(open())
        return {
          tools: async () => (await client.listTools()).tools.map(({ name }) => name),
          call: async (name) => (await client.callTool({ name, arguments: hello })).content,
          close: () => client.close(),
        }
      },
    }
  }
}

const CLIENTS: readonly (readonly [name: string, connect: Connect, tool?: string])[] = [
  ['v1 over Streamable HTTP', first('/mcp')],
  ['v1 over Streamable HTTP, one server', first('/mcp/sample'), 'echo'],
  ['v1 over SSE', first('/sse')],
  ['v2 over Streamable HTTP', second('/mcp', 'legacy')],
  ['v2 of 2026-07-28', second('/mcp', 'modern')],
  ['v2 over SSE', second('/sse', 'legacy')],
]

/** Connects by the address alone, with the person's click in the browser. */
async function connected(connect: Connect, provider = new NotingProvider()): Promise<Connected> {
  const client = connect(provider)
  await expect(client.connect()).rejects.toThrow('Unauthorized')
  if (provider.address === undefined) throw new Error('no browser was opened')
  const back = await browser.submit(await browser.open(provider.address), { decision: 'allow' })
  expect(back.url.searchParams.get('state')).toBe('state-of-the-client')
  await client.finish(back.url)
  return await client.connect()
}

describe("the SDK's client", () => {
  test.each(CLIENTS)(
    '%s connects by the address alone, and calls a tool',
    async (_name, connect, tool = 'sample_echo') => {
      const client = await connected(connect)
      expect(await client.tools()).toContain(tool)
      expect(await client.call(tool)).toEqual([{ type: 'text', text: '{"text":"hello"}' }])
      await client.close()
    },
  )

  test.each(CLIENTS)(
    '%s goes on with its refresh token when its token is refused',
    async (_name, connect) => {
      const provider = new NotingProvider()
      await (await connected(connect, provider)).close()
      const before = provider.stored
      if (before === undefined) throw new Error('no tokens')
      provider.stored = { ...before, access_token: `${before.access_token.slice(0, -4)}AAAA` }
      const client = await connect(provider).connect()
      expect((await client.tools()).length).toBeGreaterThan(0)
      expect(provider.stored.refresh_token).not.toBe(before.refresh_token)
      await client.close()
    },
  )
})

test('a client that does what VS Code does connects by the address alone, and calls a tool', async () => {
  const allow = async (address: string): Promise<string> => {
    const consent = await browser.open(address)
    const back = await browser.submit(consent, { decision: 'allow' })
    await fetch(back.url)
    return consent.text
  }
  const { asked, answer } = await connectVsCode({ url: `${gateway.url}/mcp`, person: { allow } })
  expect(asked).toContain('Allow Visual Studio Code to use your tools?')
  expect(answer).toBe('{"text":"hello"}')
})

describe('a grant that is revoked', () => {
  test.each(CLIENTS)('ends what %s has open, and its next call is refused', async (_name, connect) => {
    const provider = new NotingProvider()
    const client = await connected(connect, provider)
    await client.tools()
    const token = await gateway.token({ subject: 'you' })
    const { body } = await gateway.rest(token, 'GET', '/v1/grants')
    const newest = (body['grants'] as { id: string; createdAt: string }[]).toSorted((a, b) =>
      a.createdAt < b.createdAt ? 1 : -1,
    )[0]
    expect((await gateway.rest(token, 'DELETE', `/v1/grants/${newest?.id}`)).status).toBe(204)
    provider.stored = undefined
    await expect(client.tools()).rejects.toThrow(/./)
    await client.close()
  })
})
