import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { approvalIn, type ApprovalWorld, startApprovalWorld } from '../support/approval-world.ts'
import { eventually } from '../support/eventually.ts'

type Fields = Record<string, unknown>

const EVERY = ['sse', 'streamable-http', 'websocket', 'modern', 'modern-websocket'] as const

let world: ApprovalWorld
let number = 0

beforeAll(async () => {
  world = await startApprovalWorld()
})
afterAll(async () => {
  await world.close()
})
/** Arguments that no other test has. */
let fresh: Fields
beforeEach(() => {
  fresh = { path: `/tmp/${(number += 1)}` }
  world.ledger.calls.splice(0)
})

describe('a caller over REST', () => {
  test('gets a link, and the equal call is made once after somebody said yes', async () => {
    const refused = await world.call('ann', 'files_drop', fresh)
    expect(refused).toMatchObject({
      status: 403,
      body: {
        code: 'approval_required',
        retryable: false,
        mayHaveExecuted: false,
        server: 'files',
        approval: { url: `${world.url}/dashboard/approvals/${approvalIn(refused.body)}` },
      },
    })
    const again = await world.call('ann', 'files_drop', fresh)
    expect(approvalIn(again.body)).toBe(approvalIn(refused.body))
    expect(world.sent()).toEqual([])
    const approved = await world.approve(approvalIn(refused.body))
    expect(approved).toMatchObject({ status: 200, body: { status: 'approved', answer: { by: 'bob' } } })
    expect(await world.call('ann', 'files_drop', fresh)).toMatchObject({ status: 200 })
    expect(world.sent()).toEqual([fresh])
    const second = await world.call('ann', 'files_drop', fresh)
    expect(second.body['code']).toBe('approval_required')
    expect(approvalIn(second.body)).not.toBe(approvalIn(refused.body))
    expect(world.sent()).toEqual([fresh])
  })

  test('gets nothing by a yes for other arguments or for another caller', async () => {
    const refused = await world.call('ann', 'files_drop', fresh)
    await world.approve(approvalIn(refused.body))
    const other = await world.call('ann', 'files_drop', { ...fresh, force: true })
    const cid = await world.call('cid', 'files_drop', fresh)
    const token = await world.token({ subject: 'ann', roles: ['reader'], agent: 'other' })
    const otherAgent = await world.rest(token, 'POST', '/v1/tools/files_drop', { arguments: fresh })
    expect([other, cid, otherAgent].map(({ body }) => body['code'])).toEqual([
      'approval_required',
      'approval_required',
      'approval_required',
    ])
    expect(world.sent()).toEqual([])
    expect(await world.call('ann', 'files_drop', { path: fresh['path'] })).toMatchObject({ status: 200 })
  })

  test('of two equal calls at the same time, one uses the yes', async () => {
    const refused = await world.call('ann', 'files_drop', fresh)
    await world.approve(approvalIn(refused.body))
    const both = await Promise.all([1, 2, 3, 4].map(() => world.call('ann', 'files_drop', fresh)))
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 403, 403, 403])
    expect(world.sent()).toEqual([fresh])
  })

  test('is told at once that a person has said no, with the reason', async () => {
    const refused = await world.call('ann', 'files_drop', fresh)
    await world.ask('bob', 'POST', `/v1/approvals/${approvalIn(refused.body)}/deny`, {
      reason: 'not on Fridays',
    })
    expect(await world.call('ann', 'files_drop', fresh)).toMatchObject({
      status: 403,
      body: {
        code: 'approval_denied',
        detail: 'The call of drop at files was denied: not on Fridays. Do not repeat it',
      },
    })
    const late = await world.approve(approvalIn(refused.body))
    expect(late).toMatchObject({ status: 409, body: { code: 'approval_closed' } })
    expect(world.sent()).toEqual([])
  })

  test('cannot approve its own call with its token, nor see or answer those of others', async () => {
    const refused = await world.call('ann', 'files_drop', fresh)
    const path = `/v1/approvals/${approvalIn(refused.body)}`
    expect(await world.ask('ann', 'POST', `${path}/approve`, {})).toMatchObject({
      status: 403,
      body: { code: 'forbidden', detail: expect.stringContaining('in person') },
    })
    expect(await world.ask('cid', 'GET', path)).toMatchObject({
      status: 404,
      body: { code: 'approval_not_found' },
    })
    expect(await world.ask('cid', 'POST', `${path}/deny`, {})).toMatchObject({ status: 404 })
    const foreign = await world.token({ tenantId: 'other', subject: 'bob', roles: ['approver'] })
    expect(await world.rest(foreign, 'POST', `${path}/approve`, {})).toMatchObject({ status: 404 })
    const { body } = await world.ask('dan', 'GET', '/v1/approvals')
    expect(body).toEqual({ approvals: [] })
  })

  test('calls tools that need no yes as always', async () => {
    expect(await world.call('ann', 'files_read', fresh)).toMatchObject({ status: 200 })
    expect(world.sent()).toEqual([fresh])
  })
})

test('whoever approves sees all arguments, without secrets, and with codes for what cannot be seen', async () => {
  const refused = await world.call('ann', 'files_send', {
    ...fresh,
    to: 'a\u202eb',
    password: 'hunter2-hunter2',
    note: 'Bearer abcdefghijklmnopqrstuvwxyz0123',
    items: Array.from({ length: 300 }, (_, item) => item),
  })
  const { body } = await world.ask('bob', 'GET', `/v1/approvals/${approvalIn(refused.body)}`)
  expect(body).toMatchObject({
    arguments: {
      to: 'a\u202eb',
      password: '[redacted, 15 characters]',
      note: 'Bearer [redacted]',
      key: '[set by the operator]',
    },
    mayApprove: true,
    rule: 'second-person',
    requester: { subject: 'ann' },
  })
  expect((body['arguments'] as { items: number[] }).items).toHaveLength(300)
  expect(body['readableArguments']).toContain('a<U+202E>b')
  expect(JSON.stringify(body)).not.toContain('hunter2')
})

test('arguments that nobody could read are refused', async () => {
  expect(await world.call('ann', 'files_drop', { ...fresh, text: 'x'.repeat(70_000) })).toMatchObject({
    status: 422,
    body: { code: 'invalid_arguments' },
  })
})

const idOf = (url: unknown): string => String(url).slice(String(url).lastIndexOf('/') + 1)

test.each(EVERY)(
  'an SDK client over %s that opens pages is asked by a question, and the call goes on after a yes',
  async (kind) => {
    const asked: Fields[] = []
    const client = await world.client(kind, {
      subject: 'ann',
      capabilities: { elicitation: { url: {} } },
      decide: (params) => {
        asked.push(params)
        void world.approve(idOf(params['url']))
        return { action: 'accept' }
      },
    })
    const { content } = await client.callTool({ name: 'drop', arguments: fresh })
    expect(content).toEqual([{ type: 'text', text: 'done' }])
    expect(asked).toMatchObject([
      { mode: 'url', url: expect.stringContaining(`${world.url}/dashboard/approvals/`) },
    ])
    expect(world.sent()).toEqual([fresh])
    await client.close()
  },
)

describe.each(['streamable-http', 'modern'] as const)('an SDK client over %s', (kind) => {
  test('that shows forms is asked by a form with the arguments', async () => {
    const asked: Fields[] = []
    const answers = [
      { action: 'accept', content: { approve: true } },
      { action: 'accept', content: { approve: false } },
      { action: 'decline' },
    ]
    const client = await world.client(kind, {
      subject: 'ann',
      capabilities: { elicitation: {} },
      decide: (params) => {
        asked.push(params)
        return answers.shift() ?? {}
      },
    })
    await client.callTool({ name: 'drop', arguments: fresh })
    expect(world.sent()).toEqual([fresh])
    expect(asked).toMatchObject([{ message: expect.stringContaining(`"path": "${String(fresh['path'])}"`) }])
    for (const more of [1, 2])
      await expect(client.callTool({ name: 'drop', arguments: { ...fresh, more } })).rejects.toMatchObject({
        data: { code: 'approval_denied', mayHaveExecuted: false },
      })
    await expect(client.callTool({ name: 'send', arguments: fresh })).rejects.toMatchObject({
      data: { code: 'approval_required' },
    })
    expect(world.sent()).toEqual([fresh])
    expect(asked).toHaveLength(3)
    await client.close()
  })

  test('that cannot be asked gets the error with the link at once, and repeats the call', async () => {
    const client = await world.client(kind, { subject: 'ann', capabilities: {}, decide: () => ({}) })
    const error: unknown = await client
      .callTool({ name: 'drop', arguments: fresh })
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: -31_016,
      message: expect.stringContaining('/dashboard/approvals/'),
      data: { code: 'approval_required', mayHaveExecuted: false, retryable: false },
    })
    await world.approve(approvalIn((error as { data: Fields }).data))
    await client.callTool({ name: 'drop', arguments: fresh })
    await expect(client.callTool({ name: 'drop', arguments: fresh })).rejects.toMatchObject({
      data: { code: 'approval_required' },
    })
    expect(world.sent()).toEqual([fresh])
    await client.close()
  })

  test('is asked once for a call whose server asks something, too', async () => {
    const asked: string[] = []
    const client = await world.client(kind, {
      subject: 'ann',
      capabilities: { elicitation: {} },
      decide: ({ message }) => {
        asked.push(String(message))
        return { action: 'accept', content: { approve: true } }
      },
    })
    await client.callTool({ name: 'ask', arguments: fresh })
    expect(asked).toEqual([expect.stringContaining('Approve the call of ask'), 'Which one?'])
    expect(world.ledger.calls).toHaveLength(2)
    await client.close()
  })
})

test('a tool that is marked while the gateway runs needs a yes from the next call on, on the direct path, too', async () => {
  const url = world.ledger.url
  const document = (approval?: Fields): Record<string, Fields> => ({
    files: { transport: 'streamable-http', url, ...(approval !== undefined && { approval }) },
  })
  const token = await world.token({ subject: 'eve' })
  const code = async (): Promise<unknown> => {
    const { status, body } = await world.rest(token, 'POST', '/v1/tools/files_read', { arguments: fresh })
    return status === 200 ? 'ok' : body['code']
  }
  await world.writeRegistry(document())
  await eventually(async () => (await world.call('eve', 'files_send', fresh)).status === 200)
  expect([await code(), await code(), await code()]).toEqual(['ok', 'ok', 'ok'])
  await world.writeRegistry(document({ tools: 'all' }))
  await eventually(async () => (await code()) === 'approval_required')
  const before = world.ledger.calls.length
  await Promise.all([1, 2, 3, 4, 5].map(code))
  expect(world.ledger.calls).toHaveLength(before)
})
