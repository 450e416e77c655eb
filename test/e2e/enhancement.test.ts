import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { type OllamaServer, startOllama } from '../support/ollama-server.ts'
import { connectSdk } from '../support/sdk-clients.ts'
import { type Documents, startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type MoodyServer, startMoodyServer } from '../support/upstreams/moody-server.ts'

const RULES = {
  default: { model: 'tiny', systemPrompt: 'Say it clearly' },
  editors: {
    clients: ['Visual*', 'cursor'],
    model: 'coder',
    systemPrompt: 'Say it in code',
    options: { temperature: 0.1 },
  },
  named: { clients: ['test', 'first'], model: 'coder', systemPrompt: 'Say it in short' },
  quiet: { clients: ['quiet'], enabled: false, model: 'tiny', systemPrompt: 'x' },
}

let ollama: OllamaServer
let moody: MoodyServer
let gateway: TestGateway
let token: string
let operator: string

beforeAll(async () => {
  ollama = await startOllama()
  moody = await startMoodyServer()
  const env = { OLLAMA_HOST: ollama.url, OLLAMA_TIMEOUT_MS: '4000', ENHANCE_ROLES: 'writer,operator' }
  gateway = await startTestGateway(documents(), { rules: RULES, env })
  token = await gateway.token({ roles: ['writer', 'auditor'] })
  operator = await gateway.token({ roles: ['operator'] })
})

beforeEach(async () => {
  ollama.asked.length = 0
  ollama.feel('well')
  await gateway.rest(operator, 'DELETE', '/v1/caches')
})

afterAll(async () => {
  await gateway.close()
  await moody[Symbol.asyncDispose]()
  await ollama[Symbol.asyncDispose]()
})

function documents(): Documents {
  const tools = { act: { enhance: ['question'] } }
  return { moody: { transport: 'streamable-http', url: moody.url, tools } }
}

/** What is done with other rules in force. */
async function withRules(rules: Documents, work: () => Promise<void>): Promise<void> {
  await gateway.writeRegistry(documents(), rules)
  try {
    await work()
  } finally {
    await gateway.writeRegistry(documents(), RULES)
    await eventually(async () => {
      const { body } = await gateway.rest(operator, 'GET', '/v1/enhance')
      return (body['rules'] as unknown[]).length === Object.keys(RULES).length
    })
  }
}

async function enhance(prompt: string, client?: string): Promise<Record<string, unknown>> {
  const headers: Record<string, string> = client === undefined ? {} : { 'x-client-name': client }
  const { status, body } = await gateway.rest(token, 'POST', '/v1/enhance', { prompt }, headers)
  expect(status).toBe(200)
  return body
}

async function counted(outcome: string): Promise<number> {
  const text = await (await fetch(gateway.gateway.metricsUrl ?? '')).text()
  const name = `gateway_enhancements_total{outcome="${outcome}"} `
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.slice(name.length) ?? 0,
  )
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
  await withRules({}, async () => {
    await eventually(async () => (await enhance('hello'))['reason'] === 'no_rule')
  })
})

test('an edited rule takes effect without a restart', async () => {
  await enhance('hello')
  await withRules({ default: { ...RULES.default, systemPrompt: 'Sing it' } }, async () => {
    await eventually(async () => (await enhance('hello'))['prompt'] !== 'Say it clearly: hello')
    expect((await enhance('hello'))['prompt']).toBe('Sing it: hello')
  })
})

test('a rule that is not valid is refused with the reason, and hurts no other', async () => {
  await withRules({ ...RULES, bad: { clients: [], model: 'tiny' } }, async () => {
    const refused = await eventually(async () => {
      const { body } = await gateway.rest(operator, 'GET', '/v1/servers')
      return (body['quarantined'] as { id: string; reason: string }[])[0]
    })
    expect(refused.id).toBe('enhancement_rules/bad')
    expect(refused.reason).toMatch(/clients: .*systemPrompt: /)
    expect(await enhance('hello')).toMatchObject({ enhanced: true })
  })
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
    const before = await counted(reason)
    expect(await enhance('hello')).toEqual({ prompt: 'hello', enhanced: false, reason })
    expect((await counted(reason)) - before).toBe(1)
    ollama.feel('well')
    expect(await enhance('hello')).toMatchObject({ prompt: 'Say it clearly: hello', enhanced: true })
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
  const zoe = await gateway.token({ subject: 'zoe', roles: ['writer', 'auditor'] })
  const { body } = await gateway.rest(zoe, 'GET', '/v1/tools?server=gateway')
  expect(body['tools']).toMatchObject([{ id: 'gateway_enhance_prompt', server: 'gateway' }])
  const called = await gateway.rest(zoe, 'POST', '/v1/tools/gateway_enhance_prompt', {
    arguments: { prompt: 'a' },
  })
  expect(called.body).toEqual({
    content: [{ type: 'text', text: 'Say it clearly: a' }],
    structuredContent: { prompt: 'Say it clearly: a', enhanced: true, model: 'tiny', cached: false },
    isError: false,
  })
  const records = await eventually(async () => {
    const answer = await gateway.rest(token, 'GET', '/v1/audit?target=gateway_enhance_prompt&subject=zoe')
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
    const client = await connectSdk([version, kind], gateway.url, token)
    try {
      const steps: unknown[] = []
      const result = await client.callTool(
        { name: 'gateway_enhance_prompt', arguments: { prompt: 'hello' } },
        { onprogress: (step) => steps.push(step) },
      )
      expect(result['structuredContent']).toEqual({
        prompt: 'Say it in short: hello',
        enhanced: true,
        model: 'coder',
        cached: false,
      })
      expect(steps).toMatchObject([{ message: 'Say it in short' }, { message: ': ' }, { message: 'hello' }])
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
  await gateway.rest(operator, 'DELETE', '/v1/caches')
  ollama.feel('garbage')
  expect((await call()).status).toBe(200)
  expect(moody.lastArguments()).toEqual({ question: 'why', other: 'why' })
})

test('health tells how the Ollama server is; operators see its models and the rules for their tenant', async () => {
  await eventually(async () => {
    const { status, body } = await gateway.rest(token, 'GET', '/health')
    return status === 200 && (body['enhancer'] as { state: string }).state === 'ready'
  })
  expect((await gateway.rest(operator, 'GET', '/v1/enhance')).body).toMatchObject({
    state: 'ready',
    breaker: 'closed',
    models: ['coder', 'tiny'],
    rules: [
      { name: 'default', tenantId: 'local' },
      { name: 'editors' },
      { name: 'named' },
      { name: 'quiet' },
    ],
  })
  const stranger = await gateway.token({ roles: ['operator'], tenantId: 'other' })
  expect((await gateway.rest(stranger, 'GET', '/v1/enhance')).body['rules']).toEqual([])
})

test('no document may take the name of a server of the gateway itself', async () => {
  const platform = await gateway.token({ roles: ['operator', 'platform-admin'] })
  const document = { name: 'gateway', transport: 'http', url: 'https://example.com/mcp' }
  expect(await gateway.rest(platform, 'POST', '/v1/servers', document)).toMatchObject({
    status: 422,
    body: { problems: ['name: "gateway" is the name of a built-in server'] },
  })
  expect((await gateway.rest(platform, 'POST', '/v1/servers/gateway/stop')).status).toBe(404)
})
