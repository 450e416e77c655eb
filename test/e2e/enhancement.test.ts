import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { type OllamaServer, startOllama } from '../support/ollama-server.ts'
import { connectSdk } from '../support/sdk-clients.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type MoodyServer, startMoodyServer } from '../support/upstreams/moody-server.ts'

const RULES = {
  default: { model: 'tiny', systemPrompt: 'Say it clearly' },
  editors: {
    clients: ['Visual*', 'cursor'],
    model: 'coder',
    systemPrompt: 'Say it in code',
    options: { temperature: 0.1 },
  },
  quiet: { clients: ['quiet'], enabled: false, model: 'tiny', systemPrompt: 'x' },
}

let ollama: OllamaServer
let moody: MoodyServer
let gateway: TestGateway
let token: string

beforeEach(async () => {
  ollama = await startOllama()
  moody = await startMoodyServer()
  gateway = await startTestGateway(
    {
      moody: {
        transport: 'streamable-http',
        url: moody.url,
        tools: { act: { enhance: ['question'] } },
      },
    },
    {
      rules: RULES,
      env: { OLLAMA_HOST: ollama.url, OLLAMA_TIMEOUT_MS: '4000', ENHANCE_ROLES: 'writer,operator' },
    },
  )
  token = await gateway.token({ roles: ['writer', 'auditor'] })
})

afterEach(async () => {
  await gateway.close()
  await moody[Symbol.asyncDispose]()
  await ollama[Symbol.asyncDispose]()
})

async function enhance(prompt: string, client?: string): Promise<Record<string, unknown>> {
  const headers: Record<string, string> = client === undefined ? {} : { 'x-client-name': client }
  const { status, body } = await gateway.rest(token, 'POST', '/v1/enhance', { prompt }, headers)
  expect(status).toBe(200)
  return body
}

async function counted(name: string): Promise<string[]> {
  const text = await (await fetch(gateway.gateway.metricsUrl ?? '')).text()
  return text.split('\n').filter((line) => line.startsWith(`${name}{`))
}

test('each client has its prompts enhanced by its own rule, and an equal request is not asked again', async () => {
  expect(await enhance('hello')).toEqual({
    prompt: 'Say it clearly: hello',
    enhanced: true,
    model: 'tiny',
    cached: false,
  })
  expect(await enhance('hello', 'Visual Studio Code')).toEqual({
    prompt: 'Say it in code: hello',
    enhanced: true,
    model: 'coder',
    cached: false,
  })
  expect(await enhance('hello', 'CURSOR')).toMatchObject({ prompt: 'Say it in code: hello', cached: true })
  expect(await enhance('hello')).toMatchObject({ prompt: 'Say it clearly: hello', cached: true })
  expect(ollama.asked).toEqual([
    { model: 'tiny', system: 'Say it clearly', prompt: 'hello', options: {}, keepAlive: '5m' },
    {
      model: 'coder',
      system: 'Say it in code',
      prompt: 'hello',
      options: { temperature: 0.1 },
      keepAlive: '5m',
    },
  ])
})

test('the client can also be named in the body, and the way of other gateways leads to the same', async () => {
  const { body } = await gateway.rest(token, 'POST', '/ollama/enhance', { prompt: 'a', client: 'cursor' })
  expect(body).toMatchObject({ prompt: 'Say it in code: a', enhanced: true })
})

test('a client whose rule is off, and one without a rule, have their prompts back', async () => {
  expect(await enhance('hello', 'quiet')).toEqual({
    prompt: 'hello',
    enhanced: false,
    reason: 'rule_disabled',
  })
  expect(ollama.asked).toEqual([])
  await gateway.writeRegistry({}, {})
  await eventually(async () => (await enhance('hello'))['reason'] === 'no_rule')
})

test('an edited rule takes effect without a restart', async () => {
  await enhance('hello')
  await gateway.writeRegistry({}, { default: { ...RULES.default, systemPrompt: 'Sing it' } })
  await eventually(async () => (await enhance('hello'))['prompt'] !== 'Say it clearly: hello')
  expect((await enhance('hello'))['prompt']).toBe('Sing it: hello')
})

test('a rule that is not valid is refused with the reason, and hurts no other', async () => {
  await gateway.writeRegistry({}, { ...RULES, bad: { clients: [], model: 'tiny' } })
  const operator = await gateway.token({ roles: ['operator'] })
  const refused = await eventually(async () => {
    const { body } = await gateway.rest(operator, 'GET', '/v1/servers')
    return (body['quarantined'] as { id: string; reason: string }[])[0]
  })
  expect(refused.id).toBe('enhancement_rules/bad')
  expect(refused.reason).toMatch(/clients: .*systemPrompt: /)
  expect(await enhance('hello')).toMatchObject({ enhanced: true })
})

describe('the prompt comes back as it was, with the reason, when the model', () => {
  test.each([
    ['answers garbage', 'garbage', 'bad_answer'],
    ['answers JSON that is none of its answers', 'nonsense', 'bad_answer'],
    ['breaks off', 'breaking_off', 'bad_answer'],
    ['says nothing', 'silent', 'bad_answer'],
    ['is not known', 'without_model', 'unknown_model'],
    ['does not answer in time', 'holding', 'timeout'],
  ] as const)('%s', async (_what, mood, reason) => {
    ollama.feel(mood)
    expect(await enhance('hello')).toEqual({ prompt: 'hello', enhanced: false, reason })
    expect(await counted('gateway_enhancements_total')).toEqual([
      `gateway_enhancements_total{outcome="${reason}"} 1`,
    ])
    ollama.feel('well')
    expect(await enhance('hello')).toMatchObject({ prompt: 'Say it clearly: hello', enhanced: true })
  })

  test('is down, and after some attempts it is left alone', async () => {
    await ollama[Symbol.asyncDispose]()
    const answers = []
    for (let index = 0; index < 4; index += 1) answers.push((await enhance('hello'))['reason'])
    expect(answers).toEqual(['unreachable', 'unreachable', 'unreachable', 'left_alone'])
    ollama = await startOllama()
  })
})

test('who lacks the role has neither the tool nor the route', async () => {
  const reader = await gateway.token({ roles: ['reader'] })
  const tools = await gateway.rest(reader, 'GET', '/v1/tools?server=gateway')
  expect(tools.body['tools']).toEqual([])
  expect(await gateway.rest(reader, 'POST', '/v1/enhance', { prompt: 'a' })).toMatchObject({
    status: 404,
    body: { code: 'tool_not_found' },
  })
  expect(ollama.asked).toEqual([])
})

test('who has it finds the tool among the others, and its calls are recorded', async () => {
  const { body } = await gateway.rest(token, 'GET', '/v1/tools?server=gateway')
  expect(body['tools']).toMatchObject([{ id: 'gateway_enhance_prompt', server: 'gateway' }])
  const called = await gateway.rest(token, 'POST', '/v1/tools/gateway_enhance_prompt', {
    arguments: { prompt: 'a' },
  })
  expect(called.body).toEqual({
    content: [{ type: 'text', text: 'Say it clearly: a' }],
    structuredContent: { prompt: 'Say it clearly: a', enhanced: true, model: 'tiny', cached: false },
    isError: false,
  })
  const records = await eventually(async () => {
    const answer = await gateway.rest(token, 'GET', '/v1/audit?target=gateway_enhance_prompt')
    const found = answer.body['records'] as Record<string, unknown>[]
    return found.length === 1 && found
  })
  expect(records).toMatchObject([{ server: 'gateway', outcome: 'ok', effect: 'allow' }])
  expect(
    await gateway.rest(token, 'POST', '/v1/tools/gateway_enhance_prompt', { arguments: { prompts: 'a' } }),
  ).toMatchObject({ status: 422, body: { code: 'invalid_arguments' } })
})

test('a caller that asks for events gets what the model says as it says it', async () => {
  const response = await fetch(`${gateway.url}/v1/enhance`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
    },
    body: JSON.stringify({ prompt: 'hello' }),
  })
  expect((await response.text()).split('\n\n').filter((event) => event !== '')).toEqual([
    'event: progress\ndata: {"progress":14,"message":"Say it clearly"}',
    'event: progress\ndata: {"progress":16,"message":": "}',
    'event: progress\ndata: {"progress":21,"message":"hello"}',
    'event: result\ndata: {"prompt":"Say it clearly: hello","enhanced":true,"model":"tiny","cached":false}',
  ])
})

describe('a client over MCP', () => {
  test.each([
    ['v1', 'streamable-http'],
    ['v1', 'websocket'],
    ['v2', 'sse'],
    ['v2', 'modern'],
  ] as const)('(%s, %s) has the rule for the name that it gave itself', async (version, kind) => {
    await gateway.writeRegistry({}, { named: { ...RULES.editors, clients: ['test', 'first'] } })
    await eventually(async () => (await enhance('ready?'))['reason'] === 'no_rule')
    const client = await connectSdk([version, kind], gateway.url, token)
    try {
      const steps: unknown[] = []
      const result = await client.callTool(
        { name: 'gateway_enhance_prompt', arguments: { prompt: 'hello' } },
        { onprogress: (step) => steps.push(step) },
      )
      expect(result['structuredContent']).toEqual({
        prompt: 'Say it in code: hello',
        enhanced: true,
        model: 'coder',
        cached: false,
      })
      expect(steps).toMatchObject([{ message: 'Say it in code' }, { message: ': ' }, { message: 'hello' }])
    } finally {
      await client.close()
    }
  })
})

test('equal requests at the same time are asked once, and end when nobody waits', async () => {
  ollama.feel('holding')
  const gone = new AbortController()
  const leaving = fetch(`${gateway.url}/v1/enhance`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'hello' }),
    signal: gone.signal,
  }).catch(() => 'gone')
  await eventually(() => ollama.held() === 1)
  const staying = enhance('hello')
  await eventually(() => gateway.gateway.callsInFlight() === 2)
  gone.abort()
  expect(await leaving).toBe('gone')
  await eventually(() => gateway.gateway.callsInFlight() === 1)
  ollama.release()
  expect(await staying).toMatchObject({ prompt: 'Say it clearly: hello', enhanced: true })
  expect(ollama.asked).toHaveLength(1)
})

test('arguments that the operator names are enhanced before the call, and the call does without when that fails', async () => {
  const call = (): ReturnType<TestGateway['rest']> =>
    gateway.rest(token, 'POST', '/v1/tools/moody_act', { arguments: { question: 'why', other: 'why' } })
  expect((await call()).status).toBe(200)
  expect(moody.lastArguments()).toEqual({ question: 'Say it clearly: why', other: 'why' })
  await gateway.rest(await gateway.token({ roles: ['operator'] }), 'DELETE', '/v1/caches')
  ollama.feel('garbage')
  expect((await call()).status).toBe(200)
  expect(moody.lastArguments()).toEqual({ question: 'why', other: 'why' })
})

test('health tells how the Ollama server is; operators see its models and the rules for their tenant', async () => {
  await eventually(async () => {
    const { status, body } = await gateway.rest(token, 'GET', '/health')
    return status === 200 && (body['enhancer'] as { state: string }).state === 'ready'
  })
  const operator = await gateway.token({ roles: ['operator'] })
  expect((await gateway.rest(operator, 'GET', '/v1/enhance')).body).toMatchObject({
    state: 'ready',
    breaker: 'closed',
    models: ['coder', 'tiny'],
    rules: [{ name: 'default', tenantId: 'local' }, { name: 'editors' }, { name: 'quiet' }],
  })
  const stranger = await gateway.token({ roles: ['operator'], tenantId: 'other' })
  expect((await gateway.rest(stranger, 'GET', '/v1/enhance')).body['rules']).toEqual([])
})

test('no document may take the name of a server of the gateway itself', async () => {
  const operator = await gateway.token({ roles: ['operator', 'platform-admin'] })
  const document = { name: 'gateway', transport: 'http', url: 'https://example.com/mcp' }
  expect(await gateway.rest(operator, 'POST', '/v1/servers', document)).toMatchObject({
    status: 422,
    body: { problems: ['name: "gateway" is the name of a server of the gateway itself'] },
  })
  expect((await gateway.rest(operator, 'POST', '/v1/servers/gateway/stop')).status).toBe(404)
})

test('without an Ollama server there is no tool, and prompts come back as they were', async () => {
  const plain = await startTestGateway({})
  try {
    const someone = await plain.token()
    expect((await plain.rest(someone, 'GET', '/v1/tools')).body['tools']).toEqual([])
    expect((await plain.rest(someone, 'POST', '/v1/enhance', { prompt: 'a' })).body).toEqual({
      prompt: 'a',
      enhanced: false,
      reason: 'off',
    })
    expect((await plain.rest(someone, 'GET', '/health')).body['enhancer']).toEqual({ state: 'off' })
  } finally {
    await plain.close()
  }
})
