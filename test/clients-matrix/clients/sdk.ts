import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as FirstClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as FirstTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { NotingProvider } from '../../support/oauth-provider.ts'
import { Callback } from '../callback.ts'
import { type MatrixClient, type Occasion, type Outcome, TEXT, TOOL } from '../matrix-client.ts'
import { textOf } from '../text-of.ts'

const INFO = { name: 'probe', version: '1' }
const CALL = { name: TOOL, arguments: { text: TEXT } }

/** The OAuth client of the SDKs, in both eras. */
export function sdkClients(versions: { first: string; second: string }): readonly MatrixClient[] {
  return [
    { name: 'SDK v1', version: versions.first, connect: connectFirst },
    {
      name: 'SDK v2, 2025-11-25',
      version: versions.second,
      connect: (on) => connectSecond(on, {}),
    },
    {
      name: 'SDK v2, 2026-07-28',
      version: versions.second,
      connect: (on) => connectSecond(on, { versionNegotiation: { mode: { pin: '2026-07-28' } } }),
    },
  ]
}

async function connectFirst({ url, person }: Occasion): Promise<Outcome> {
  await using callback = await Callback.open({ path: '/callback' })
  const provider = new NotingProvider(callback.url)
  const open = (): FirstTransport => new FirstTransport(new URL(url), { authProvider: provider })
  await isUnauthorized(new FirstClient(INFO).connect(open()))
  const asked = await person.allow(provider.address?.href ?? '')
  await open().finishAuth((await callback.query).get('code') ?? '')
  const client = new FirstClient(INFO)
  await client.connect(open())
  await client.listTools()
  const answer = textOf(await client.callTool(CALL))
  await client.close()
  return { asked, answer }
}

async function connectSecond(
  { url, person }: Occasion,
  options: ConstructorParameters<typeof Client>[1],
): Promise<Outcome> {
  await using callback = await Callback.open({ path: '/callback' })
  const provider = new NotingProvider(callback.url)
  const open = (): StreamableHTTPClientTransport =>
    new StreamableHTTPClientTransport(new URL(url), { authProvider: provider })
  await isUnauthorized(new Client(INFO, options).connect(open()))
  const asked = await person.allow(provider.address?.href ?? '')
  await open().finishAuth(await callback.query)
  const client = new Client(INFO, options)
  await client.connect(open())
  await client.listTools()
  const answer = textOf(await client.callTool(CALL))
  await client.close()
  return { asked, answer }
}

/** The first try ends with the browser. */
async function isUnauthorized(trying: Promise<unknown>): Promise<void> {
  const error = await trying.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof Error) || !/unauthorized/i.test(`${error.name} ${error.message}`))
    throw new Error('the client was not asked to sign in', { cause: error })
}
