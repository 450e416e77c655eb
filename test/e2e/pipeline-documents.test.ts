import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { type PipelineGateway, startPipelineGateway, thought } from '../support/pipeline-gateway.ts'
import type { Documents } from '../support/start-gateway.ts'

let gateway: PipelineGateway
let servers: Documents
let pipelines: Documents
let ann: string
let operator: string

beforeAll(async () => {
  gateway = await startPipelineGateway()
  servers = gateway.servers
  pipelines = gateway.pipelines
  ann = await gateway.token({ subject: 'ann', roles: ['reader', 'files'] })
  operator = await gateway.token({ subject: 'olga', roles: ['operator', 'reader'] })
})

afterAll(() => gateway.close())

describe('pipelines', () => {
  test('are listed for those who may run them', async () => {
    const { body } = await gateway.rest(ann, 'GET', '/v1/pipelines')
    expect(body['pipelines']).toMatchObject([
      { name: 'documentation', tool: 'pipeline_documentation', inputSchema: { type: 'object' } },
      { name: 'hold' },
      { name: 'note' },
    ])
    const nobody = await gateway.token({ subject: 'nora', roles: [] })
    const theirs = await gateway.rest(nobody, 'GET', '/v1/pipelines')
    expect(theirs.body['pipelines']).toMatchObject([{ name: 'hold' }])
    expect((await gateway.rest(nobody, 'GET', '/v1/pipelines/note')).body).toMatchObject({
      code: 'tool_not_found',
    })
  })

  const refused = async (name: string, document: object): Promise<unknown> => {
    const { status, body } = await gateway.rest(operator, 'PUT', `/v1/pipelines/${name}`, document)
    expect(status).toBe(422)
    return body['problems']
  }
  const call = (tool: string, given: object = {}): object => ({
    steps: [{ id: 'a', tool, arguments: given }],
  })

  test.each([
    ['a server that there is not', call('nope_read'), 'steps[0].tool: unknown server nope'],
    ['a tool that its server has not', call('files_reed'), 'steps[0].tool: server files has no tool reed'],
    ['itself', call('pipeline_new'), 'steps[0].tool: the pipeline would call itself: new → new'],
    ['a pipeline that there is not', call('pipeline_nope'), 'steps[0].tool: unknown pipeline nope'],
    [
      'a tool without what it requires',
      call('files_write_file', { path: 'a' }),
      'steps[0].arguments: the tool requires content',
    ],
    [
      'a tool with a value of another type',
      call('files_read_text_file', { path: 'a', head: 'ten' }),
      'steps[0].arguments.head: must be number',
    ],
    [
      'a tool with a text for a number',
      call('files_read_text_file', { path: 'a', head: '1${input.n}' }),
      'steps[0].arguments.head: expected number, received string',
    ],
    [
      'a step that comes later',
      call('files_reed', { path: '${steps.b.text}' }),
      'steps[0].arguments.path: steps.b: unknown step',
    ],
  ])('are refused when they are saved and name %s, with the place', async (_what, document, problem) => {
    expect(await refused('new', document)).toEqual([problem])
  })

  test('are refused from the registry, too, with the place, when they are a cycle or name what there is not', async () => {
    await gateway.writeRegistry(servers, undefined, {
      ...pipelines,
      one: call('pipeline_two'),
      two: call('pipeline_one'),
      lost: call('nope_read'),
      late: {
        steps: [
          { id: 'a', tool: 'files_x', arguments: { b: '${steps.b.text}' } },
          { id: 'b', tool: 'files_x' },
        ],
      },
    } as Documents)
    const quarantined = await eventually(async () => {
      const { body } = await gateway.rest(operator, 'GET', '/v1/servers')
      const found = body['quarantined'] as { id: string; reason: string }[]
      return found.length === 4 && found
    })
    expect(Object.fromEntries(quarantined.map(({ id, reason }) => [id, reason]))).toEqual({
      'pipelines/late': 'steps[0].arguments.b: steps.b: the step does not come before this one',
      'pipelines/one': 'steps[0].tool: the pipeline would call itself: one → two → one',
      'pipelines/two': 'steps[0].tool: the pipeline would call itself: two → one → two',
      'pipelines/lost': 'steps[0].tool: unknown server nope',
    })
    await gateway.writeRegistry(servers)
  })

  test('whose tool is not there are not begun, and the place is named', async () => {
    await gateway.writeRegistry(servers, undefined, {
      ...pipelines,
      typo: {
        steps: [
          { id: 'a', tool: 'thinking_sequentialthinking', arguments: thought('x') },
          { id: 'b', tool: 'files_reed' },
        ],
      },
    })
    const answer = await eventually(async () => {
      const found = await gateway.rest(ann, 'POST', '/v1/pipelines/typo', {})
      return found.body['code'] !== 'tool_not_found' && found
    })
    expect(answer).toMatchObject({
      status: 409,
      body: {
        code: 'pipeline_invalid',
        problems: ['steps[1].tool: server files has no tool reed'],
        mayHaveExecuted: false,
      },
    })
    await gateway.writeRegistry(servers)
  })

  test('are saved with a warning where an expression is written as in other languages', async () => {
    const document = call('thinking_sequentialthinking', thought('{{ input.month }}'))
    const created = await gateway.rest(operator, 'PUT', '/v1/pipelines/braces', document)
    const warnings = [
      'steps[0].arguments.thought: {{ input.month }} is taken as it is; an expression is written ${input.month}',
    ]
    expect(created).toMatchObject({ status: 201, body: { problems: [], warnings } })
    const shown = await gateway.rest(operator, 'GET', '/v1/pipelines/braces')
    expect(shown).toMatchObject({ status: 200, body: { problems: [], warnings } })
    const now = { 'if-match': String(shown.headers.get('etag')) }
    expect((await gateway.rest(operator, 'DELETE', '/v1/pipelines/braces', undefined, now)).status).toBe(204)
  })

  test('are saved, changed against the version that was read, and removed by operators only', async () => {
    const document = { ...call('thinking_sequentialthinking', thought('saved')), description: 'First' }
    expect((await gateway.rest(ann, 'PUT', '/v1/pipelines/saved', document)).status).toBe(403)
    const created = await gateway.rest(operator, 'PUT', '/v1/pipelines/saved', document)
    expect(created).toMatchObject({ status: 201, body: { name: 'saved', tenantId: 'local', problems: [] } })
    const runs = await eventually(async () => {
      const run = await gateway.rest(ann, 'POST', '/v1/pipelines/saved', {})
      return run.status === 200 && run.body
    })
    expect(runs).toMatchObject({ structuredContent: { thoughtNumber: 1 }, isError: false })
    const changed = { ...document, description: 'Second' }
    expect((await gateway.rest(operator, 'PUT', '/v1/pipelines/saved', changed)).status).toBe(428)
    const etag = String(created.headers.get('etag'))
    const second = await gateway.rest(operator, 'PUT', '/v1/pipelines/saved', changed, { 'if-match': etag })
    expect(second).toMatchObject({ status: 200, body: { document: { description: 'Second' } } })
    const stale = await gateway.rest(operator, 'DELETE', '/v1/pipelines/saved', undefined, {
      'if-match': etag,
    })
    expect(stale.status).toBe(412)
    const now = { 'if-match': String(second.headers.get('etag')) }
    expect((await gateway.rest(operator, 'DELETE', '/v1/pipelines/saved', undefined, now)).status).toBe(204)
    expect((await gateway.rest(operator, 'PUT', '/v1/pipelines/x?tenantId=*', document)).status).toBe(403)
    expect((await gateway.rest(operator, 'PUT', '/v1/pipelines/hold', document)).status).toBe(428)
  })
})
