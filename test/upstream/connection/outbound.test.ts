import { expect, test } from '@jest/globals'
import { parseDestination } from '../../../src/domain/outbound/destination.ts'
import type { Resolve } from '../../../src/outbound/checked-connector.ts'
import { Outbound } from '../../../src/outbound/outbound.ts'
import { definitionOf } from '../../support/server-definitions.ts'
import { listen } from '../../support/upstreams/sample-http.ts'
import { Connecting } from './connecting.ts'

const connecting = new Connecting()
const allow = [parseDestination('10.0.0.0/8')].flatMap((each) => each ?? [])

function leadingTo(...addresses: string[]): Outbound {
  const resolve: Resolve = (_host, done) =>
    done(
      null,
      addresses.map((address) => ({ address, family: 4 })),
    )
  return new Outbound({ policy: { addresses: 'public', allow, ports: [] }, resolve })
}

test.each(['streamable-http', 'sse', 'http'] as const)(
  'a server over %s whose name leads to an address that is not allowed gets no request, and the reason names the setting',
  async (transport) => {
    let asked = 0
    const upstream = await listen((_request, response) => {
      asked += 1
      response.end()
    })
    const outbound = leadingTo('127.0.0.1')
    const { port } = new URL(upstream.url)
    const server = definitionOf({ transport, url: `http://tools.example:${port}/mcp` })
    const opened = connecting.open(server, { connect: connecting.connector({ outbound }) })
    await expect(opened).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: expect.stringContaining(
        'it is not connected to: tools.example is at an address of this machine, which the setting OUTBOUND_ALLOW does not list',
      ),
      facts: { mayHaveExecuted: false },
    })
    expect(asked).toBe(0)
    await outbound.close()
    await upstream.close()
  },
)
