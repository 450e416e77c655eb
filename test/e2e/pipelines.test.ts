import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mcp-clients.ts'
import { type PipelineGateway, startPipelineGateway } from '../support/pipeline-gateway.ts'
import type { Reports } from '../support/reports.ts'

let gateway: PipelineGateway
let folder: string
let reports: Reports
/** May use everything. */
let ann: string
/** May run pipelines, and not use the server of files. */
let bob: string
let auditor: string

beforeAll(async () => {
  gateway = await startPipelineGateway()
  folder = gateway.folder
  reports = gateway.reports
  ann = await gateway.token({ subject: 'ann', roles: ['reader', 'files'] })
  bob = await gateway.token({ subject: 'bob', roles: ['reader'] })
  auditor = await gateway.token({ subject: 'eve', roles: ['auditor'] })
})

afterAll(() => gateway.close())

function documentation(output: string): object {
  const repository = join(folder, 'repository')
  return { arguments: { repository, project: 'Pipelines', output: join(folder, 'documents', output) } }
}

type Record_ = { target: string; outcome: string; effect: string; code: string | null; requestId: string }

/** What was recorded for a request, in order. */
async function recordsOf(requestId: string): Promise<Record_[]> {
  const { body } = await gateway.rest(auditor, 'GET', '/v1/audit?limit=1000')
  const records = body['records'] as Record_[]
  return records.filter((record) => record.requestId === requestId).toReversed()
}

async function statusOf(token: string, location: string): Promise<Record<string, unknown>> {
  return (await gateway.rest(token, 'GET', location)).body
}

describe('the shipped example documentation', () => {
  test('writes a document about a repository through the real servers, without a local model too', async () => {
    const { status, headers, body } = await gateway.rest(
      ann,
      'POST',
      '/v1/pipelines/documentation',
      documentation('all.md'),
    )
    expect({ status, error: body['detail'] }).toEqual({ status: 200, error: undefined })
    const document = await readFile(join(folder, 'documents', 'all.md'), 'utf8')
    expect(document).toContain('# Pipelines\n\nProject Pipelines: Describe what this project is for')
    expect(document).toContain('thought through in 3 steps')
    expect(document).toContain('- Which files can answer that?')
    expect(document).toContain('[DIR] src\n')
    expect(document).toContain(
      `### ${join(folder, 'repository', 'README.md')}\n\n\`\`\`\n# Pipelines of tools`,
    )
    expect(document).toContain('export function planOf(')
    expect(body['structuredContent']).toEqual({
      document: join(folder, 'documents', 'all.md'),
      files: document.match(/^### /gm)?.length,
      enhanced: false,
    })
    const records = await recordsOf(String(headers.get('x-request-id')))
    const reads = records.filter(({ target }) => target === 'files_read_text_file')
    expect(reads.length).toBe(document.match(/^### /gm)?.length)
    expect(new Set(records.map(({ target }) => target))).toEqual(
      new Set([
        'thinking_sequentialthinking',
        'files_list_directory',
        'files_search_files',
        'files_read_text_file',
        'files_write_file',
        'pipeline_documentation',
      ]),
    )
    expect(records.filter(({ target }) => target === 'pipeline_documentation')).toMatchObject([
      { outcome: 'ok' },
    ])
  })

  test('stops, for a caller who may not use the files, at the first step that needs them, and names it', async () => {
    const { status, headers, body } = await gateway.rest(
      bob,
      'POST',
      '/v1/pipelines/documentation',
      documentation('bob.md'),
    )
    expect(status).toBe(404)
    expect(body).toMatchObject({
      code: 'tool_not_found',
      step: 'list',
      detail: 'Step list: Unknown tool: files_list_directory',
      mayHaveExecuted: true,
    })
    await expect(stat(join(folder, 'documents', 'bob.md'))).rejects.toMatchObject({ code: 'ENOENT' })
    const records = await recordsOf(String(headers.get('x-request-id')))
    expect(records.at(-1)).toMatchObject({
      target: 'files_list_directory',
      effect: 'deny',
      outcome: 'denied',
    })
    expect(records[0]).toMatchObject({
      target: 'pipeline_documentation',
      effect: 'allow',
      outcome: 'error',
      code: 'tool_not_found',
    })
  })

  test('is a tool over MCP, with its schema, and tells of each step as it begins', async () => {
    const client = await connectClient('streamable-http', gateway.url, ann)
    const { tools } = await client.listTools()
    const tool = tools.find(({ name }) => name === 'pipeline_documentation')
    expect(tool).toMatchObject({
      title: 'Document a repository',
      inputSchema: { required: ['repository', 'project', 'output'] },
    })
    const seen: string[] = []
    const result = await client.callTool(
      { name: 'pipeline_documentation', ...documentation('mcp.md') },
      { onprogress: ({ message }) => seen.push(message ?? '') },
    )
    expect(result.isError).not.toBe(true)
    expect([...new Set(seen.filter((message) => message !== ''))]).toEqual([
      'request',
      'think',
      'list',
      'search',
      'read',
      'write',
    ])
    await client.close()
  })
})

describe('a run', () => {
  test('that is cancelled stops the step in flight, and begins no other', async () => {
    const cut = new AbortController()
    const gone = fetch(`${gateway.url}/v1/pipelines/hold`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ann}`, 'content-type': 'application/json' },
      body: JSON.stringify({ arguments: { who: 'cancelled' } }),
      signal: cut.signal,
    }).catch(() => 'gone')
    await reports.waitForBegun('cancelled')
    cut.abort()
    expect(await gone).toBe('gone')
    await reports.waitForCancelled('cancelled')
    await eventually(() => gateway.gateway.callsInFlight() === 0, { what: 'the end of the run' })
    expect(reports.begun).not.toContain('after cancelled')
  })

  test('goes on without its connection, says how it does, and ends when its owner ends it', async () => {
    const { status, headers, body } = await gateway.rest(
      ann,
      'POST',
      '/v1/pipelines/hold',
      { arguments: { who: 'alone' } },
      { prefer: 'respond-async' },
    )
    expect({ status, applied: headers.get('preference-applied') }).toEqual({
      status: 202,
      applied: 'respond-async',
    })
    const location = String(headers.get('location'))
    expect(location).toBe(`/v1/pipelines/runs/${String(body['id'])}`)
    await reports.waitForBegun('alone')
    expect(await statusOf(ann, location)).toMatchObject({
      pipeline: 'hold',
      status: 'running',
      steps: [
        { id: 'think', status: 'ok' },
        { id: 'hold', status: 'running' },
        { id: 'after', status: 'pending' },
      ],
    })
    expect(await statusOf(bob, location)).toMatchObject({ code: 'run_not_found' })
    expect((await gateway.rest(bob, 'DELETE', location)).body).toMatchObject({ code: 'run_not_found' })
    await gateway.rest(ann, 'DELETE', location)
    await reports.waitForCancelled('alone')
    const ended = await eventually(async () => {
      const now = await statusOf(ann, location)
      return now['status'] !== 'running' && now
    })
    expect(ended).toMatchObject({
      status: 'cancelled',
      steps: [{ status: 'ok' }, { status: 'failed' }, { status: 'pending' }],
      error: { code: 'cancelled', step: 'hold' },
    })
  })

  test('whose client was gone keeps its result for it', async () => {
    const { headers } = await gateway.rest(
      ann,
      'POST',
      '/v1/pipelines/note',
      { arguments: { who: 'me' } },
      { prefer: 'respond-async, wait=1' },
    )
    const ended = await eventually(async () => {
      const now = await statusOf(ann, String(headers.get('location')))
      return now['status'] !== 'running' && now
    })
    expect(ended).toMatchObject({
      status: 'succeeded',
      result: { structuredContent: { said: 'me', number: 1 } },
    })
  })

  test.each([{}, { prefer: 'respond-async' }, { accept: 'text/event-stream' }])(
    'that cannot begin says why at once (%j)',
    async (headers) => {
      const wrong = await gateway.rest(ann, 'POST', '/v1/pipelines/note', { arguments: { whom: 1 } }, headers)
      expect(wrong).toMatchObject({ status: 422, body: { code: 'invalid_arguments' } })
      const nobody = await gateway.token({ subject: 'nora', roles: [] })
      const denied = await gateway.rest(
        nobody,
        'POST',
        '/v1/pipelines/note',
        { arguments: { who: 'x' } },
        headers,
      )
      const absent = await gateway.rest(ann, 'POST', '/v1/pipelines/nope', { arguments: {} }, headers)
      const code = 'tool_not_found'
      expect(denied).toMatchObject({ status: 404, body: { code, detail: 'Unknown pipeline: note' } })
      expect(absent).toMatchObject({ status: 404, body: { code, detail: 'Unknown pipeline: nope' } })
    },
  )
})
