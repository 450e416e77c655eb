import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import type { RequestOptions } from '../../src/upstream/connection/connection.ts'
import { discover, type Offer } from '../../src/upstream/discovery/discovery.ts'
import { tool } from '../support/offers.ts'
import { FakeConnection, upstreamError } from './fake-connection.ts'

const ALL = { tools: {}, resources: {}, prompts: {} }
const options = { timeoutMs: 1000, signal: new AbortController().signal }

function withStatus(status: number): { cause: Error } {
  return { cause: Object.assign(new Error('refused'), { status }) }
}

function fails(): never {
  throw upstreamError(-32_603)
}

function failing(error: Error): never {
  throw error
}

function offerOf(
  answers: ConstructorParameters<typeof FakeConnection>[0],
  capabilities: Record<string, unknown> = ALL,
): Promise<Offer> {
  return discover(new FakeConnection(answers, capabilities), options)
}

describe('a list that fails', () => {
  const tools = (): JsonObject => ({ tools: [tool('a')] })

  test('because the server does not know it is empty', async () => {
    const offer = await offerOf({ 'tools/list': () => ({ tools: [] }) })
    expect(offer).toMatchObject({ resources: [], prompts: [], problems: [] })
  })

  test('with an error is empty and reported, except for the tools', async () => {
    const offer = await offerOf({ 'tools/list': () => ({ tools: [] }), 'prompts/list': fails })
    expect(offer).toMatchObject({ prompts: [], problems: ['prompts/list: it failed with error -32603'] })
    await expect(offerOf({ 'tools/list': fails })).rejects.toMatchObject({
      code: 'upstream_error',
      message: 'tools/list: it failed with error -32603',
    })
  })

  test.each([
    [new GatewayError('upstream_unavailable', 'Server x is unavailable', withStatus(401)), 'HTTP 401'],
    [
      new GatewayError('upstream_bad_response', 'Server x returned an invalid response', withStatus(500)),
      'HTTP 500',
    ],
    [
      new GatewayError('upstream_bad_response', 'Server x returned an invalid response'),
      'Server x returned an invalid response',
    ],
    [new GatewayError('upstream_timeout', 'Server x did not respond in time'), 'no response within 5 s'],
  ])('otherwise is empty and says how: %#', async (error, reason) => {
    const offer = await offerOf({
      'tools/list': tools,
      'resources/list': () => failing(error),
      'resources/templates/list': () => ({ resourceTemplates: [] }),
    })
    expect(offer.tools).toHaveLength(1)
    expect(offer).toMatchObject({ resources: [], problems: [`resources/list: ${reason}`] })
  })

  test('stays as it was where it is known', async () => {
    const previous = await offerOf({
      'tools/list': tools,
      'prompts/list': () => ({ prompts: [{ name: 'p' }] }),
    })
    const connection = new FakeConnection({ 'tools/list': tools, 'prompts/list': fails }, ALL)
    const offer = await discover(connection, { ...options, previous })
    expect(offer).toMatchObject({
      prompts: [{ name: 'p' }],
      problems: ['prompts/list: it failed with error -32603; what it listed before stays'],
    })
  })

  test('is waited for five seconds at most, unless it is that of the tools', async () => {
    const asked: [string, RequestOptions][] = []
    const connection = new FakeConnection({ 'tools/list': tools }, ALL)
    const request = connection.request.bind(connection)
    connection.request = (method, params, given) => {
      asked.push([method, given])
      return request(method, params, given)
    }
    await discover(connection, { ...options, timeoutMs: 20_000 })
    const limits = asked.map(([method, { timeoutMs }]) => `${method} ${timeoutMs > 5000}`)
    expect(new Set(limits)).toEqual(
      new Set([
        'prompts/list false',
        'resources/list false',
        'resources/templates/list false',
        'tools/list true',
      ]),
    )
  })
})
