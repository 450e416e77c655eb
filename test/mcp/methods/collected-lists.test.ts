import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import type { Declared } from '../../../src/calls/tasks/task-support.ts'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { collected } from '../../../src/mcp/methods/collected-lists.ts'
import { offer, principal, server } from '../../support/offers.ts'
import { answeredCalls, caller, catalogOf, methodOf } from '../../support/routing.ts'

const SKILLS = { extensions: { 'io.modelcontextprotocol/skills': {} } }

type Offered = Parameters<typeof catalogOf>[number]

interface Asked {
  readonly server: string
  readonly params: JsonObject
}

/** The skills of the servers alpha, beta and gamma, of which each answers with `answer`. */
async function listed(
  answer: (asked: Asked) => JsonObject,
  options: {
    method?: string
    era?: 'legacy' | 'modern'
    capabilities?: JsonObject
    params?: JsonObject
    unanswered?: boolean
  } = {},
): Promise<{ result: JsonObject; asked: Asked[] }> {
  const asked: Asked[] = []
  const calls = answeredCalls(({ operation: { name, params } }) => {
    asked.push({ server: name, params })
    return answer({ server: name, params })
  })
  const catalog = catalogOf(
    [server({ name: 'alpha' }), offer()],
    [server({ name: 'beta' }), offer()],
    [server({ name: 'gamma' }), options.unanswered === true ? undefined : offer()],
  )
  const declared = {
    eraOf: () => options.era ?? 'modern',
    capabilitiesOf: (key: string) => (key.endsWith('gamma') ? {} : (options.capabilities ?? SKILLS)),
  }
  const result = await collected(
    { calls, declared },
    {
      method: methodOf(options.method ?? 'skills/list'),
      params: options.params ?? {},
      caller: caller(),
      client: undefined,
      view: catalog.viewOf(principal()),
      signal: new AbortController().signal,
    },
  )
  return { result, asked }
}

describe('a list that is collected', () => {
  test('has all pages of every server that has one', async () => {
    const { result, asked } = await listed(({ server: name, params }) =>
      params['cursor'] === undefined
        ? { skills: [{ uri: `skill://${name}/1`, x: 1 }], nextCursor: '' }
        : { skills: [{ uri: 'skill://2', resources: [{ uri: 'skill://3', y: 2 }] }] },
    )
    expect(result).toEqual({
      skills: [
        { uri: 'alpha+skill://alpha/1', x: 1 },
        { uri: 'alpha+skill://2', resources: [{ uri: 'alpha+skill://3', y: 2 }] },
        { uri: 'beta+skill://beta/1', x: 1 },
        { uri: 'beta+skill://2', resources: [{ uri: 'beta+skill://3', y: 2 }] },
      ],
    })
    expect(asked.map((each) => each.server).toSorted()).toEqual(['alpha', 'alpha', 'beta', 'beta'])
  })

  test('names the servers that do not answer, and has what the others say', async () => {
    const { result } = await listed(
      ({ server: name }) => {
        if (name === 'alpha') throw new GatewayError('upstream_timeout')
        return { skills: [{ uri: 'skill://1' }] }
      },
      { unanswered: true },
    )
    expect(result).toEqual({
      skills: [{ uri: 'beta+skill://1' }],
      _meta: { 'tool-gateway/missingServers': ['gamma', 'alpha'] },
    })
  })

  test('ends where a server has more pages than anybody needs, and names it', async () => {
    const { result, asked } = await listed(() => ({ skills: [{ uri: 'skill://1' }], nextCursor: 'again' }))
    expect(asked).toHaveLength(200)
    expect(result['skills']).toHaveLength(200)
    expect(result['_meta']).toEqual({ 'tool-gateway/missingServers': ['alpha', 'beta'] })
  })

  test('has of each server what fits into its share of the memory, and names those of which it has not all', async () => {
    const { result, asked } = await listed(({ server: name }) =>
      name === 'alpha'
        ? { skills: [{ uri: 'skill://1', text: 'x'.repeat(900_000) }], nextCursor: 'again' }
        : { skills: [{ uri: 'skill://2' }] },
    )
    expect(asked.filter((each) => each.server === 'alpha')).toHaveLength(3)
    expect((result['skills'] as JsonObject[]).map(({ uri }) => uri)).toEqual([
      'alpha+skill://1',
      'alpha+skill://1',
      'beta+skill://2',
    ])
    expect(result['_meta']).toEqual({ 'tool-gateway/missingServers': ['alpha'] })
  })

  test('leaves out what nests too deeply to be written, and names its server', async () => {
    const deep: unknown = JSON.parse('['.repeat(5000) + ']'.repeat(5000))
    const { result } = await listed(({ server: name }) => ({
      skills: name === 'alpha' ? [{ uri: 'skill://1', deep }] : [{ uri: 'skill://2' }],
    }))
    expect(result).toEqual({
      skills: [{ uri: 'beta+skill://2' }],
      _meta: { 'tool-gateway/missingServers': ['alpha'] },
    })
  })

  test('has at most 10,000 items of a server, also of one page', async () => {
    const { result } = await listed(() => ({ skills: Array.from({ length: 200_000 }, () => ({})) }))
    expect(result['skills']).toHaveLength(20_000)
    expect(result['_meta']).toEqual({ 'tool-gateway/missingServers': ['alpha', 'beta'] })
  })

  test('is empty where no server has one', async () => {
    expect(await listed(() => ({}), { capabilities: {} })).toEqual({ result: { skills: [] }, asked: [] })
  })

  test('takes no cursor', async () => {
    await expect(listed(() => ({}), { params: { cursor: '' } })).rejects.toMatchObject({
      code: 'invalid_cursor',
    })
  })
})

test('a task that clients cannot read is left out alone, and its server is named', async () => {
  const task = { taskId: 't', status: 'working', ttl: null, createdAt: 'a', lastUpdatedAt: 'b', x: 1 }
  const odd = [null, { ...task, status: 'busy' }, { ...task, ttl: 'long' }, { ...task, taskId: 5 }]
  const { result } = await listed(
    ({ server: name }) => ({ tasks: name === 'alpha' ? [...odd, task] : [{ ...task, statusMessage: null }] }),
    {
      method: 'tasks/list',
      era: 'legacy',
      capabilities: { tasks: { list: {}, requests: { tools: { call: {} } } } },
    },
  )
  expect(result).toEqual({ tasks: [task, task], _meta: { 'tool-gateway/missingServers': ['alpha'] } })
})

test('tasks are collected of a server alone too, skills of all servers only', () => {
  expect(methodOf('tasks/list').collects).toEqual({ member: 'tasks', isAlways: true })
  expect(methodOf('skills/list').collects).toEqual({ member: 'skills', isAlways: false })
  expect(methodOf('tools/list').collects).toBeUndefined()
})

test('four servers are asked at a time, and the next one when one of them has answered', async () => {
  const asked: string[] = []
  const answers: (() => void)[] = []
  const calls = answeredCalls(async ({ operation: { name } }) => {
    asked.push(name)
    await new Promise<void>((resolve) => answers.push(resolve))
    return { skills: [{ uri: name }] }
  })
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  const view = catalogOf(...names.map((name): Offered => [server({ name }), offer()])).viewOf(principal())
  const { signal } = new AbortController()
  const request = { method: methodOf('skills/list'), params: {}, caller: caller(), client: undefined }
  const declared: Declared = { eraOf: () => 'modern', capabilitiesOf: () => SKILLS }
  const listing = collected({ calls, declared }, { ...request, view, signal })
  await setImmediate()
  expect(asked).toEqual(['a', 'b', 'c', 'd'])
  answers[1]?.()
  await setImmediate()
  expect(asked).toEqual(['a', 'b', 'c', 'd', 'e'])
  answers[2]?.()
  await setImmediate()
  for (const answer of answers) answer()
  expect((await listing)['skills']).toEqual(
    ['a', 'b', 'c', 'd', 'e', 'f'].map((uri) => ({ uri: `${uri}+${uri}` })),
  )
})
