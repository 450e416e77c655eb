import { startTestGateway } from '../support/start-gateway.ts'
import { type Eras, startEverything } from './everything/endpoint.ts'
import { tokenProxy } from './token-proxy.ts'

/** What the suite is pointed at. */
export interface UnderTest {
  readonly url: string
  readonly close: () => Promise<void>
}

const SERVER = 'everything'

/** The everything server itself, or a gateway in front of it: its route keeps the names that the suite asks for. */
export async function startUnderTest(eras: Eras, isBehindGateway: boolean): Promise<UnderTest> {
  const server = await startEverything(eras)
  if (!isBehindGateway) return server
  const gateway = await startTestGateway({
    [SERVER]: {
      transport: 'streamable-http',
      url: server.url,
      clientCapabilities: ['elicitation', 'sampling', 'roots'],
    },
  })
  const proxy = await tokenProxy(gateway.url, await gateway.token())
  return {
    url: `${proxy.url}/mcp/${SERVER}`,
    close: async () => {
      await proxy.close()
      await gateway.close()
      await server.close()
    },
  }
}
