import { expect, test } from '@jest/globals'
import { InMemoryTransport, type JSONRPCMessage, Server } from '@modelcontextprotocol/server'
import { LegacyClient } from '../../../src/mcp/relay/caller-client.ts'

test('a client is asked with all parameters, which are released while its answer is awaited', async () => {
  const requests: { method: string; params?: unknown }[] = []
  const sent: JSONRPCMessage[] = []
  const server = new Server({ name: 's', version: '1' }, {})
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair()
  clientSide.onmessage = (message) => sent.push(message)
  await server.connect(serverSide)
  const client = new LegacyClient({
    isReachable: () => true,
    server: {
      getClientCapabilities: () => ({}),
      getClientVersion: () => undefined,
      getNegotiatedProtocolVersion: () => undefined,
      request: (request, schema, options) => {
        requests.push(request)
        return server.request(request, schema, options)
      },
      notification: (notification) => server.notification(notification),
    },
  })
  const params = { message: 'Who?' }
  const { signal } = new AbortController()
  const answer = client.ask('elicitation/create', params, { signal })
  expect(sent).toEqual([{ jsonrpc: '2.0', id: 0, method: 'elicitation/create', params: { message: 'Who?' } }])
  expect(requests).toEqual([{ method: 'elicitation/create' }])
  await clientSide.send({ jsonrpc: '2.0', id: 0, result: { action: 'decline' } })
  expect(await answer).toEqual({ action: 'decline' })
})
