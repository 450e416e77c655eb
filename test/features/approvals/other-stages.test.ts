import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { connectClient } from '../../support/mcp-clients.ts'
import { approvalIn } from '../../support/approval-world.ts'
import { startTestGateway, type TestGateway } from '../../support/start-gateway.ts'
import { type Ledger, ledgerHttp } from '../../support/upstreams/ledger-http.ts'

type Fields = Record<string, unknown>

let first: Ledger
let spare: Ledger
let gateway: TestGateway
let number = 0
let fresh: Fields

beforeAll(async () => {
  first = await ledgerHttp()
  spare = await ledgerHttp()
  const over = (url: string): Fields => ({
    transport: 'streamable-http',
    url,
    retry: { maxAttempts: 1 },
    tools: { drop: { approval: 'caller' }, read: { approval: 'caller', cacheTtlMs: 60_000 } },
  })
  gateway = await startTestGateway(
    {
      files: { ...over(first.url), fallback: 'spare' },
      spare: over(spare.url),
      renamed: { ...over(spare.url), tools: { drop: { name: 'remove', approval: 'second-person' } } },
    },
    {
      pipelines: {
        both: {
          inputSchema: { type: 'object', properties: { path: { type: 'string' } } },
          steps: [
            { id: 'list', tool: 'files_send', arguments: { path: '{{ input.path }}' } },
            { id: 'drop', tool: 'files_drop', arguments: { path: '{{ input.path }}' } },
          ],
        },
        marked: {
          approval: 'caller',
          steps: [{ id: 'send', tool: 'files_send', arguments: {} }],
        },
      },
    },
  )
})
afterAll(async () => {
  await gateway.close()
  await first.close()
  await spare.close()
})
beforeEach(() => {
  fresh = { path: `/tmp/${(number += 1)}` }
  first.calls.splice(0)
})

async function call(tool: string, given = fresh): Promise<{ status: number; body: Fields }> {
  return gateway.rest(await gateway.token(), 'POST', `/v1/tools/${tool}`, { arguments: given })
}

async function approve(body: Fields): Promise<void> {
  const token = await gateway.token({ subject: 'bob', roles: ['approver'] })
  const { status } = await gateway.rest(token, 'POST', `/v1/approvals/${approvalIn(body)}/approve`, {})
  expect(status).toBe(200)
}

test('the error names the tool as callers know it, and says whose yes is needed', async () => {
  const { body } = await call('renamed_remove')
  expect(body['detail']).toMatch(
    /^Approval required: a second person must approve this call of renamed_remove at http\S+\/dashboard\/approvals\/\S+, then retry with the same arguments\.$/,
  )
})

test('a step of a pipeline needs the yes of its tool, and the run can be made again with it', async () => {
  const refused = await call('pipeline_both')
  expect(refused).toMatchObject({
    status: 403,
    body: { code: 'approval_required', server: 'files', step: 'drop', approval: { id: expect.any(String) } },
  })
  expect(first.calls.map(({ name }) => name)).toEqual(['send'])
  await approve(refused.body)
  expect(await call('pipeline_both')).toMatchObject({ status: 200 })
  expect(first.calls.map(({ name }) => name)).toEqual(['send', 'send', 'drop'])
})

test('a pipeline that is marked asks before its first step, in the way of the client', async () => {
  const asked: string[] = []
  const client = await connectClient('modern', gateway.url, await gateway.token(), {
    capabilities: { elicitation: {} },
    prepare: (prepared) =>
      prepared.setRequestHandler('elicitation/create', ({ params }) => {
        asked.push(params.message)
        return { action: 'accept', content: { approve: asked.length === 2 } }
      }),
  })
  const run = (given: Fields): Promise<unknown> =>
    client.callTool({ name: 'pipeline_marked', arguments: given })
  await expect(run(fresh)).rejects.toMatchObject({ data: { code: 'approval_denied' } })
  expect(first.calls).toEqual([])
  await run({ ...fresh, again: true })
  expect(first.calls).toHaveLength(1)
  expect(asked).toEqual(
    Array.from({ length: 2 }, () => expect.stringContaining('call of marked at pipeline')),
  )
  await client.close()
})

test('a result that a person approved is never answered from the cache', async () => {
  for (let time = 0; time < 2; time += 1) {
    const refused = await call('files_read')
    expect(refused.body['code']).toBe('approval_required')
    await approve(refused.body)
    expect(await call('files_read')).toMatchObject({ status: 200 })
  }
  expect(first.calls).toHaveLength(2)
})

test('a yes for one server is none for its fallback, and stays when the call could not be sent', async () => {
  const refused = await call('files_drop')
  await approve(refused.body)
  await first.close()
  const atSpare = await call('files_drop')
  expect(atSpare).toMatchObject({ status: 403, body: { code: 'approval_required', server: 'spare' } })
  expect(spare.calls).toEqual([])
  const token = await gateway.token({ subject: 'bob', roles: ['approver'] })
  const { body } = await gateway.rest(token, 'GET', `/v1/approvals/${approvalIn(refused.body)}`)
  expect(body['status']).toBe('approved')
  await approve(atSpare.body)
  expect(await call('files_drop')).toMatchObject({ status: 200 })
  expect(spare.calls).toHaveLength(1)
})
