import { once } from 'node:events'
import { createServer } from 'node:https'
import { ANYWHERE } from '../../src/domain/outbound/outbound-policy.ts'
import { Outbound } from '../../src/outbound/outbound.ts'
import { CLIENT_HOST_TLS } from '../support/client-host-tls.ts'

/** The site of a client that has a metadata document, and what a gateway reaches it by. */
export interface DocumentHost extends AsyncDisposable {
  readonly clientId: string
  readonly outbound: Outbound
}

/** @param document what the document says beside its own address */
export async function openDocumentHost(document: Record<string, unknown>): Promise<DocumentHost> {
  const server = createServer(CLIENT_HOST_TLS, (_request, response) => {
    const text = JSON.stringify({ client_id: clientId, ...document })
    response.setHeader('content-type', 'application/json').end(text)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const clientId = `https://client.example:${typeof address === 'object' ? address?.port : 0}/client.json`
  const outbound = new Outbound({
    policy: ANYWHERE,
    ca: CLIENT_HOST_TLS.cert,
    resolve: (_host, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
  })
  return {
    clientId,
    outbound,
    [Symbol.asyncDispose]: async () => {
      await outbound.close()
      server.close()
      server.closeAllConnections()
    },
  }
}
