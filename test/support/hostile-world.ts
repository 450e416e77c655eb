import { deepStrictEqual } from 'node:assert/strict'
import { eventually } from './eventually.ts'
import { modernClient } from './raw-mcp.ts'
import { startTestGateway, type TestGateway } from './start-gateway.ts'
import { type HttpUpstream, modernHttp } from './upstreams/sample-http.ts'

/** A gateway in front of a server that all tenants share and one of the tenant `local`, with an attacker in one tenant and a caller in another. */
export interface HostileWorld {
  readonly gateway: TestGateway
  readonly upstream: HttpUpstream
  /** Of the attacker, in the tenant `local`. */
  readonly token: string
  /** Of a caller in the tenant `other`. */
  readonly foreignToken: string
  /** Calls a tool as the caller of the other tenant. @throws Error when that is not answered as it should be */
  readonly checkForeignCall: () => Promise<void>
  /** Resolves with the usage record of a request of the attacker's tenant. */
  readonly recordOf: (requestId: string) => Promise<Record<string, unknown>>
  readonly close: () => Promise<void>
}

export async function startHostileWorld(): Promise<HostileWorld> {
  const upstream = await modernHttp()
  const gateway = await startTestGateway({
    sample: { tenantId: '*', transport: 'streamable-http', url: upstream.url },
    private: { tenantId: 'local', transport: 'streamable-http', url: upstream.url },
  })
  const token = await gateway.token()
  const foreignToken = await gateway.token({ tenantId: 'other', subject: 'bob' })
  const auditor = await gateway.token({ roles: ['auditor'] })
  return {
    gateway,
    upstream,
    token,
    foreignToken,
    checkForeignCall: async () => {
      const { status, message } = await modernClient(gateway.url, foreignToken).request('tools/call', {
        name: 'sample_echo',
        arguments: { who: 'the other tenant' },
      })
      deepStrictEqual([status, echoed(message.result)], [200, { who: 'the other tenant' }])
    },
    recordOf: (requestId) =>
      eventually(async () => {
        const { body } = await gateway.rest(auditor, 'GET', '/v1/audit?limit=1000')
        return (body['records'] as Record<string, unknown>[]).find(
          (record) => record['requestId'] === requestId,
        )
      }),
    close: async () => {
      await gateway.close()
      await upstream.close()
    },
  }
}

/** The arguments that the tool `echo` got. */
export function echoed(result: Record<string, unknown> | undefined): unknown {
  const [block] = (result?.['content'] ?? []) as { text: string }[]
  return block === undefined ? undefined : JSON.parse(block.text)
}
