import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import { eventually } from '../../support/eventually.ts'
import { type Documents, startTestGateway } from '../../support/start-gateway.ts'
import { type CallerEra, useEverything, type WantedCalls } from './use-everything.ts'

/** What the suite tells a client that it starts. */
export interface Scenario {
  readonly name: string
  /** Of the server that tests its client. */
  readonly url: string
  readonly context: {
    readonly toolCalls?: WantedCalls
    /** The client that is registered at its authorization server. */
    readonly client_id?: string
    readonly client_secret?: string
    readonly private_key_pem?: string
    readonly signing_algorithm?: string
  }
}

/** Plays the client in scenarios, asked over HTTP by `command.ts`, which the suite starts. */
export interface CallerService {
  readonly url: string
  readonly close: () => Promise<void>
}

/** The suite starts all its clients at once, which takes a small machine its time. */
const OPENING_MS = 60_000
const CALL_MS = '20000'

/** The caller itself is the client under test: what the SDK does by itself. */
export function startDirectCallers(era: CallerEra): Promise<CallerService> {
  return serve(
    ({ url, context }) => useEverything({ url, era, wanted: context.toolCalls ?? [] }),
    () => Promise.resolve(),
  )
}

/** A gateway is the client under test, with the server of each scenario in its registry and a caller behind it. */
export async function startGatewayCallers(era: CallerEra): Promise<CallerService> {
  const gateway = await startTestGateway({}, { env: { CALL_TIMEOUT_MS: CALL_MS } })
  const token = await gateway.token()
  const servers: Documents = {}
  let writing = Promise.resolve()
  const write = (): Promise<void> => (writing = writing.then(() => gateway.writeRegistry(servers)))

  return serve(
    async ({ name, url, context }) => {
      const server = `scenario-${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`.slice(0, 40)
      servers[server] = {
        transport: 'streamable-http',
        url,
        clientCapabilities: ['elicitation', 'sampling', 'roots'],
        ...(name.startsWith('auth/client-credentials') && { auth: clientCredentials(context) }),
        lifecycle: { restartOnFailure: false },
      }
      await write()
      try {
        const state = await eventually(
          () => {
            const found = gateway.gateway.statuses().find((status) => status.name === server)?.state
            return found === 'ready' || found === 'failed' ? found : undefined
          },
          { timeoutMs: OPENING_MS, what: `${server} open` },
        )
        if (state === 'failed') throw new Error(`the gateway cannot open ${server}`)
        return await useEverything({
          url: `${gateway.url}/mcp/${server}`,
          token,
          era,
          wanted: context.toolCalls ?? [],
        })
      } finally {
        delete servers[server]
        await write()
      }
    },
    () => gateway.close(),
  )
}

/** What an operator writes for a server whose authorization server knows the gateway. */
function clientCredentials(context: Scenario['context']): Record<string, unknown> {
  return {
    kind: 'client_credentials',
    clientId: context.client_id,
    ...(context.client_secret !== undefined && { clientSecret: context.client_secret }),
    ...(context.private_key_pem !== undefined && {
      privateKey: context.private_key_pem,
      algorithm: context.signing_algorithm,
    }),
  }
}

/** Lets `play` do what the suite expects of its client; it resolves with what went wrong. */
export async function serve(
  play: (scenario: Scenario) => Promise<readonly string[]>,
  close: () => Promise<void>,
): Promise<CallerService> {
  const server = createServer((request, response) => {
    readText(request)
      .then((body) => play(JSON.parse(body) as Scenario))
      .then(
        (failures) => response.end(failures.join('\n')),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
      await close()
    },
  }
}
