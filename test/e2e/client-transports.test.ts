import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { everything, filesystem, memory } from '../support/documents.ts'
import { connectClient, TRANSPORTS } from '../support/mcp-clients.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let folder: string
let gateway: TestGateway
let token: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tool-gateway-files-'))
  await writeFile(join(folder, 'hello.txt'), 'hello from a file')
  gateway = await startTestGateway({
    filesystem: filesystem(folder),
    memory: memory(join(folder, 'memory.jsonl')),
    everything,
  })
  token = await gateway.token()
})

afterAll(async () => {
  await gateway.close()
  await rm(folder, { recursive: true, force: true })
})

describe.each(TRANSPORTS)('a client over %s', (kind) => {
  test('lists the tools of every server as <server>_<tool>, sorted', async () => {
    const client = await connectClient(kind, gateway.url, token)
    const names = (await client.listTools()).tools.map(({ name }) => name)
    await client.close()
    expect(names).toEqual(names.toSorted())
    expect(names).toEqual(
      expect.arrayContaining([
        'everything_echo',
        'everything_get-sum',
        'filesystem_read_text_file',
        'memory_read_graph',
      ]),
    )
    expect(new Set(names.map((name) => name.split('_')[0]))).toEqual(
      new Set(['everything', 'filesystem', 'memory']),
    )
  })

  test('calls a tool and gets the file that the real server reads', async () => {
    const client = await connectClient(kind, gateway.url, token)
    const result = await client.callTool({
      name: 'filesystem_read_text_file',
      arguments: { path: join(folder, 'hello.txt') },
    })
    await client.close()
    expect(result.content).toEqual([{ type: 'text', text: 'hello from a file' }])
  })

  test('reads a resource, a templated resource and gets a prompt', async () => {
    const client = await connectClient(kind, gateway.url, token)
    const listed = await client.listResources()
    const architecture = await client.readResource({ uri: 'demo://resource/static/document/architecture.md' })
    const dynamic = await client.readResource({ uri: 'demo://resource/dynamic/text/7' })
    const prompt = await client.getPrompt({ name: 'everything_args-prompt', arguments: { city: 'Oslo' } })
    await client.close()
    expect(listed.resources.map(({ uri }) => uri)).toContain(
      'demo://resource/static/document/architecture.md',
    )
    expect(architecture.contents[0]).toMatchObject({ mimeType: 'text/markdown' })
    expect(dynamic.contents[0]).toMatchObject({ uri: 'demo://resource/dynamic/text/7' })
    expect(JSON.stringify(prompt.messages)).toContain('Oslo')
  })

  test('gets argument completions from the server that has the prompt', async () => {
    const client = await connectClient(kind, gateway.url, token)
    const { completion } = await client.complete({
      ref: { type: 'ref/prompt', name: 'everything_completable-prompt' },
      argument: { name: 'department', value: 'Eng' },
    })
    await client.close()
    expect(completion.values).toEqual(['Engineering'])
  })

  test('hears the progress of its call', async () => {
    const client = await connectClient(kind, gateway.url, token)
    const heard: number[] = []
    await client.callTool(
      { name: 'everything_trigger-long-running-operation', arguments: { duration: 0.4, steps: 2 } },
      { onprogress: ({ progress }) => heard.push(progress) },
    )
    await client.close()
    expect(heard).toEqual([1, 2])
  })

  test('uses one server alone under its own names', async () => {
    const client = await connectClient(kind, gateway.url, token, { server: 'everything' })
    const names = (await client.listTools()).tools.map(({ name }) => name)
    const sum = await client.callTool({ name: 'get-sum', arguments: { a: 2, b: 3 } })
    const instructions = client.getInstructions()
    await client.close()
    expect(names).toContain('echo')
    expect(names).not.toContain('read_text_file')
    expect(sum.content).toEqual([{ type: 'text', text: 'The sum of 2 and 3 is 5.' }])
    expect(instructions).toMatch(/Everything Server/)
  })

  test('is told that an unknown tool is unknown, with the code of the error table', async () => {
    const client = await connectClient(kind, gateway.url, token)
    const answer = client.callTool({ name: 'everything_no-such-tool', arguments: {} })
    await expect(answer).rejects.toMatchObject({
      code: -32602,
      message: expect.stringContaining('Unknown tool: everything_no-such-tool'),
      data: { code: 'tool_not_found', retryable: false },
    })
    await client.close()
  })

  test('is refused without a valid token', async () => {
    await expect(connectClient(kind, gateway.url, 'not-a-token')).rejects.toThrow(
      /401|Unauthorized|invalid_token/i,
    )
  })
})

test.each([
  ['POST', '/mcp/nosuch'],
  ['GET', '/sse/nosuch'],
  ['POST', '/mcp/..%2fv1'],
])('%s %s is 404: there is no such server', async (method, path) => {
  const answer = await fetch(gateway.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(method === 'POST' && { body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' }),
  })
  expect([answer.status, await answer.json()]).toMatchObject([
    404,
    {
      jsonrpc: '2.0',
      id: method === 'POST' ? 1 : null,
      error: { code: -32602, data: { code: 'server_not_found', retryable: false } },
    },
  ])
})
