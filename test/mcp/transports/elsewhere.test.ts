import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from '@jest/globals'
import { answeredBy } from '../../../src/mcp/transports/elsewhere.ts'
import { ReplicaMail } from '../../../src/replicas/replica-mail.ts'
import { ReplicaRelay } from '../../../src/replicas/replica-relay.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { MemoryDocuments } from '../../support/memory-documents.ts'
import { silentLogger as logger } from '../../support/silent-logger.ts'

test('a call whose replica ends after it has opened the stream is answered on it with an error', async () => {
  const clock = new FakeClock()
  const store = new MemoryDocuments()
  const [one, two] = ['1', '2'].map((self) => {
    const mail = new ReplicaMail({ self, store, clock, random: () => 0.5, logger })
    return new ReplicaRelay({ mail, keys: { current: Buffer.alloc(32, 1) }, clock, logger })
  }) as [ReplicaRelay, ReplicaRelay]
  two.serve('test', (_request, answer) => {
    answer.head(200, { 'content-type': 'text/event-stream' })
    answer.text(': begun\n\n')
  })
  for (const relay of [one, two]) relay.start(() => undefined)
  const body = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'x' } }
  const server = createServer((_request, response) => {
    void answeredBy(one, '2', { transport: 'test', body }, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  await two.close()
  for (let seconds = 0; seconds < 12; seconds += 1) await clock.advance(1000)
  const [begun, event] = (await response.text()).split('\n\n')
  expect(begun).toBe(': begun')
  expect(JSON.parse(event?.replace('event: message\ndata: ', '') ?? '')).toEqual({
    jsonrpc: '2.0',
    id: 7,
    error: {
      code: -31_005,
      message: 'The replica that holds this is not reachable',
      data: { code: 'replica_unavailable', retryable: true, mayHaveExecuted: true },
    },
  })
  server.close()
  await one.close()
})
