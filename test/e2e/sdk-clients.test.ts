import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { everything } from '../support/relayed-everything.ts'
import { eventually } from '../support/eventually.ts'
import { connectSdk, SDK_CLIENTS, type SdkClient, type SdkOptions } from '../support/sdk-clients.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

const PERSON = { action: 'accept', content: { name: 'Ann', integer: 7 } }
const MODEL = { model: 'test', role: 'assistant', content: { type: 'text', text: 'as a model says' } }
const ASKABLE = { elicitation: () => PERSON, sampling: () => MODEL }
const LEGACY = SDK_CLIENTS.filter(([, kind]) => !kind.startsWith('modern'))
const MODERN = SDK_CLIENTS.filter(([, kind]) => kind.startsWith('modern'))
const STATIC = 'demo://resource/static/document/architecture.md'
const OTHER_STATIC = 'demo://resource/static/document/features.md'

let gateway: TestGateway
let token: string
let clients: SdkClient[]
/** A legacy client that can be asked: while it is there, tools that ask are known. */
let askable: SdkClient

beforeAll(async () => {
  gateway = await startTestGateway({
    everything,
    rooted: { ...everything, clientCapabilities: ['elicitation', 'sampling', 'roots'] },
  })
  token = await gateway.token()
  askable = await connectSdk(['v2', 'streamable-http'], gateway.url, token, { answers: ASKABLE })
  clients = []
})

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
})

afterAll(async () => {
  await askable.close()
  await gateway.close()
})

type Which = (typeof SDK_CLIENTS)[number]

async function connect(which: Which, options?: SdkOptions): Promise<SdkClient> {
  const client = await connectSdk(which, gateway.url, token, options)
  clients.push(client)
  return client
}

async function toolNames(client: SdkClient): Promise<string[]> {
  return (await client.listTools()).tools.map(({ name }) => name)
}

/** What a server shows only to clients that it can ask is found out after it is ready. */
async function waitForTool(client: SdkClient, name: string): Promise<unknown> {
  return eventually(async () => (await toolNames(client)).includes(name), { what: `${name} to be listed` })
}

function textOf(result: { content: unknown }): string {
  return (result.content as { text?: string }[]).map(({ text }) => text).join('\n')
}

describe.each(SDK_CLIENTS)('the SDK client %s over %s', (...which) => {
  test('lists and runs tools', async () => {
    const client = await connect(which)
    const names = await toolNames(client)
    expect(names).toEqual(expect.arrayContaining(['everything_echo', 'everything_get-structured-content']))
    const echo = await client.callTool({ name: 'everything_echo', arguments: { message: 'hi' } })
    expect(echo.content).toEqual([{ type: 'text', text: 'Echo: hi' }])
    const weather = await client.callTool({
      name: 'everything_get-structured-content',
      arguments: { location: 'New York' },
    })
    expect(weather.structuredContent).toEqual({ temperature: 33, conditions: 'Cloudy', humidity: 82 })
  })

  test('is told of a wrong argument as the server tells it', async () => {
    const client = await connect(which)
    const result = await client.callTool({ name: 'everything_get-sum', arguments: { a: 'one' } })
    expect(result.isError).toBe(true)
    expect(textOf(result)).toMatch(/Invalid arguments for tool get-sum/)
  })

  test('lists and reads resources, and those of templates', async () => {
    const client = await connect(which)
    const { resources } = await client.listResources()
    expect(resources.map(({ uri }) => uri)).toContain(STATIC)
    const { resourceTemplates } = await client.listResourceTemplates()
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toContain(
      'demo://resource/dynamic/text/{resourceId}',
    )
    const read = await client.readResource({ uri: 'demo://resource/dynamic/text/5' })
    expect(read.contents[0]).toMatchObject({ uri: 'demo://resource/dynamic/text/5', mimeType: 'text/plain' })
  })

  test('lists and gets prompts, with an embedded resource', async () => {
    const client = await connect(which)
    const { prompts } = await client.listPrompts()
    expect(prompts.map(({ name }) => name)).toContain('everything_resource-prompt')
    const prompt = await client.getPrompt({
      name: 'everything_resource-prompt',
      arguments: { resourceType: 'Text', resourceId: '3' },
    })
    expect(prompt.messages.map(({ content }) => content.type)).toEqual(['text', 'resource'])
  })

  test('completes arguments of prompts and of resource templates, in the context of others', async () => {
    const client = await connect(which)
    const prompt = { type: 'ref/prompt', name: 'everything_completable-prompt' } as const
    const names = await client.complete({
      ref: prompt,
      argument: { name: 'name', value: 'A' },
      context: { arguments: { department: 'Engineering' } },
    })
    expect(names.completion.values).toEqual(['Alice'])
    const ids = await client.complete({
      ref: { type: 'ref/resource', uri: 'demo://resource/dynamic/text/{resourceId}' },
      argument: { name: 'resourceId', value: '4' },
    })
    expect(ids.completion.values).toEqual(['4'])
  })

  test('hears the progress of a call', async () => {
    const client = await connect(which)
    const heard: unknown[] = []
    await client.callTool(
      { name: 'everything_trigger-long-running-operation', arguments: { duration: 0.3, steps: 3 } },
      { onprogress: ({ progress, total }) => heard.push([progress, total]) },
    )
    expect(heard).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ])
  })
})

describe.each(LEGACY)('the SDK client %s over %s, which can be asked,', (...which) => {
  // One for all: each client that can be asked has processes of its servers of its own.
  let client: SdkClient
  let roots: { uri: string; name: string }[]

  beforeAll(async () => {
    client = await connectSdk(which, gateway.url, token, {
      answers: { ...ASKABLE, roots: () => ({ roots }) },
    })
  })

  beforeEach(() => {
    roots = [{ uri: 'file:///one', name: 'One' }]
    for (const kept of [client.asked, client.logged, client.updated]) kept.length = 0
  })

  afterAll(() => client.close())

  const askedFor = (kind: string): unknown => client.asked.filter((asked) => asked.kind === kind)

  test('is asked for an elicitation, and the tool gets the answer', async () => {
    await waitForTool(client, 'everything_trigger-elicitation-request')
    const result = await client.callTool({ name: 'everything_trigger-elicitation-request', arguments: {} })
    expect(textOf(result)).toContain('- Name: Ann\n- Favorite Integer: 7')
    expect(askedFor('elicitation')).toMatchObject([
      { kind: 'elicitation', params: { requestedSchema: { required: ['name'] } } },
    ])
  })

  test('is asked for a sampling, and the tool gets the answer', async () => {
    await waitForTool(client, 'everything_trigger-sampling-request')
    const result = await client.callTool({
      name: 'everything_trigger-sampling-request',
      arguments: { prompt: 'say something', maxTokens: 20 },
    })
    expect(textOf(result)).toContain('"text": "as a model says"')
    expect(askedFor('sampling')).toMatchObject([
      {
        kind: 'sampling',
        params: {
          maxTokens: 20,
          messages: [{ content: { text: 'Resource trigger-sampling-request context: say something' } }],
        },
      },
    ])
  })

  test('hears the log messages of a server from the level on that it set', async () => {
    await client.setLoggingLevel('debug')
    const tool = { name: 'everything_toggle-simulated-logging', arguments: {} }
    expect(textOf(await client.callTool(tool))).toContain('Started simulated')
    await eventually(() => client.logged.length > 0, { what: 'a log message' })
    expect(client.logged[0]?.['data']).toMatch(/level.message/)
  })

  test('subscribes to resources, and is told of their updates until it unsubscribes', async () => {
    await client.subscribeResource({ uri: STATIC })
    await client.subscribeResource({ uri: OTHER_STATIC })
    await client.unsubscribeResource({ uri: STATIC })
    const tool = { name: 'everything_toggle-subscriber-updates', arguments: {} }
    await client.callTool(tool)
    await eventually(() => client.updated.length > 0, { what: 'an update' })
    expect(new Set(client.updated)).toEqual(new Set([OTHER_STATIC]))
  })

  test('is asked for its roots where the server is granted them, and again when they change', async () => {
    await waitForTool(client, 'rooted_get-roots-list')
    const ask = async (): Promise<string> =>
      textOf(await client.callTool({ name: 'rooted_get-roots-list', arguments: {} }))
    expect(await ask()).toContain('1. One\n   URI: file:///one')
    roots = [{ uri: 'file:///two', name: 'Two' }]
    const count = client.asked.length
    await client.sendRootsListChanged()
    await eventually(() => client.asked.length > count, { what: 'the question for the new roots' })
    await eventually(async () => (await ask()).includes('1. Two\n   URI: file:///two'), {
      what: 'the new roots to be known to the server',
    })
  })

  test('is not asked for its roots by default: such a server has not heard of them', async () => {
    await waitForTool(client, 'everything_trigger-sampling-request')
    expect(await toolNames(client)).not.toContain('everything_get-roots-list')
    await expect(client.callTool({ name: 'everything_get-roots-list', arguments: {} })).rejects.toMatchObject(
      {
        data: { code: 'tool_not_found' },
      },
    )
  })
})

describe.each(MODERN)('the SDK client %s over %s', (...which) => {
  test.each(['trigger-elicitation-request', 'trigger-sampling-request'])(
    'is not shown the tool %s of a legacy server, which cannot ask it, and calling it executes nothing',
    async (tool) => {
      await waitForTool(askable, `everything_${tool}`)
      const client = await connect(which, { answers: ASKABLE })
      expect(await toolNames(client)).not.toContain(`everything_${tool}`)
      const call = client.callTool({ name: `everything_${tool}`, arguments: { prompt: 'x' } })
      await expect(call).rejects.toMatchObject({
        code: -31014,
        data: { code: 'client_capability_required', retryable: false, mayHaveExecuted: false },
      })
      expect(client.asked).toEqual([])
    },
  )

  test('listens to resources, and is told of their updates', async () => {
    const client = await connect(which)
    const subscription = await client.listen({ resourceSubscriptions: [STATIC] })
    const tool = { name: 'everything_toggle-subscriber-updates', arguments: {} }
    await client.callTool(tool)
    await eventually(() => client.updated.length > 0, { what: 'an update' })
    await client.callTool(tool)
    expect(new Set(client.updated)).toEqual(new Set([STATIC]))
    await subscription.close()
  })
})

test('a legacy client that declared nothing is not shown tools that would ask it, and calling one executes nothing', async () => {
  await waitForTool(askable, 'everything_trigger-sampling-request')
  const client = await connect(['v1', 'streamable-http'])
  expect(await toolNames(client)).not.toContain('everything_trigger-sampling-request')
  const call = client.callTool({ name: 'everything_trigger-sampling-request', arguments: { prompt: 'x' } })
  await expect(call).rejects.toMatchObject({ code: -31014, data: { code: 'client_capability_required' } })
})
