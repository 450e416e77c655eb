import { describe, expect, test } from '@jest/globals'
import { type CallLabels, Metrics } from '../../../src/telemetry/metrics/metrics.ts'

const CALL: CallLabels = { face: 'rest', action: 'call', outcome: 'ok', server: 'files' }

/** The lines of a metric in the exposition, without comments. */
async function linesOf(metrics: Metrics, name: string): Promise<string[]> {
  const text = await metrics.text()
  return text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
}

function metricsFor(): Metrics & AsyncDisposable {
  const metrics = new Metrics()
  return Object.assign(metrics, { [Symbol.asyncDispose]: () => metrics.close() })
}

describe('calls', () => {
  test('are counted and timed by face, action, outcome and server', async () => {
    await using metrics = metricsFor()
    metrics.call(CALL, 0.5)
    metrics.call(CALL, 3)
    metrics.call({ ...CALL, outcome: 'tool_error' }, 100)
    const ok = 'face="rest",action="call",outcome="ok",server="files"'
    expect(await linesOf(metrics, 'gateway_calls_total')).toEqual([
      `gateway_calls_total{${ok}} 2`,
      'gateway_calls_total{face="rest",action="call",outcome="tool_error",server="files"} 1',
    ])
    expect(await linesOf(metrics, 'gateway_call_duration_count')).toContain(
      `gateway_call_duration_count{${ok}} 2`,
    )
    expect(await linesOf(metrics, 'gateway_call_duration_sum')).toContain(
      `gateway_call_duration_sum{${ok}} 0.0035`,
    )
    const buckets = (await linesOf(metrics, 'gateway_call_duration_bucket')).filter((line) =>
      line.includes(ok),
    )
    expect(buckets.map((line) => /le="([^"]+)"\} (\d+)/.exec(line)?.slice(1))).toEqual([
      ['0.0005', '1'],
      ['0.001', '1'],
      ['0.0025', '1'],
      ['0.005', '2'],
      ['0.01', '2'],
      ['0.025', '2'],
      ['0.05', '2'],
      ['0.1', '2'],
      ['0.25', '2'],
      ['0.5', '2'],
      ['1', '2'],
      ['2.5', '2'],
      ['5', '2'],
      ['10', '2'],
      ['30', '2'],
      ['60', '2'],
      ['+Inf', '2'],
    ])
  })

  test('that failed are counted by code and owner, and denied ones by rule', async () => {
    await using metrics = metricsFor()
    metrics.call({ ...CALL, outcome: 'error', code: 'upstream_timeout', owner: 'upstream' }, 1)
    metrics.call({ ...CALL, outcome: 'error', code: 'upstream_timeout', owner: 'upstream' }, 1)
    metrics.call(
      { ...CALL, outcome: 'denied', code: 'tool_not_found', owner: 'client', rule: 'tool-roles' },
      1,
    )
    expect(await linesOf(metrics, 'gateway_errors_total')).toEqual([
      'gateway_errors_total{code="upstream_timeout",owner="upstream",server="files"} 2',
      'gateway_errors_total{code="tool_not_found",owner="client",server="files"} 1',
    ])
    expect(await linesOf(metrics, 'gateway_denials_total')).toEqual([
      'gateway_denials_total{rule="tool-roles"} 1',
    ])
  })

  test('of more than 200 servers are counted together from there on', async () => {
    await using metrics = metricsFor()
    for (let index = 0; index < 5000; index += 1) metrics.call({ ...CALL, server: `server-${index}` }, 1)
    metrics.call({ ...CALL, server: 'server-0' }, 1)
    const lines = await linesOf(metrics, 'gateway_calls_total')
    expect(lines).toHaveLength(201)
    expect(lines[0]).toBe('gateway_calls_total{face="rest",action="call",outcome="ok",server="server-0"} 2')
    expect(lines.at(-1)).toBe(
      'gateway_calls_total{face="rest",action="call",outcome="ok",server="other"} 4800',
    )
  })

  test('with a time before their start count as immediate', async () => {
    await using metrics = metricsFor()
    metrics.call(CALL, -1)
    expect((await linesOf(metrics, 'gateway_call_duration_sum'))[0]).toMatch(/ 0$/)
  })
})

test('requests without a valid token are counted by code', async () => {
  await using metrics = metricsFor()
  metrics.authFailure('invalid_token')
  metrics.authFailure('invalid_token')
  metrics.authFailure('missing_token')
  expect(await linesOf(metrics, 'gateway_auth_failures_total')).toEqual([
    'gateway_auth_failures_total{code="invalid_token"} 2',
    'gateway_auth_failures_total{code="missing_token"} 1',
  ])
})

test('gauges show the state at the time of reading', async () => {
  await using metrics = metricsFor()
  expect(await linesOf(metrics, 'gateway_audit_queue')).toEqual(['gateway_audit_queue 0'])
  let waiting = 3
  metrics.observe({
    sessions: () => ({ sse: 2, 'streamable-http': 5 }),
    servers: () => ({ ready: 3, failed: 1 }),
    auditQueue: () => waiting,
    generation: () => 7,
  })
  expect(await linesOf(metrics, 'gateway_sessions')).toEqual([
    'gateway_sessions{face="sse"} 2',
    'gateway_sessions{face="streamable-http"} 5',
  ])
  expect(await linesOf(metrics, 'gateway_servers')).toEqual([
    'gateway_servers{state="ready"} 3',
    'gateway_servers{state="failed"} 1',
  ])
  expect(await linesOf(metrics, 'gateway_registry_generation')).toEqual(['gateway_registry_generation 7'])
  waiting = 4
  expect(await linesOf(metrics, 'gateway_audit_queue')).toEqual(['gateway_audit_queue 4'])
})

test('what a gateway does not have shows no gauge, and what it has shows its state', async () => {
  await using metrics = metricsFor()
  const observed = { sessions: () => ({}), servers: () => ({}), auditQueue: () => 0, generation: () => 0 }
  const shown = async (): Promise<string[]> => [
    ...(await linesOf(metrics, 'gateway_audit_spool_bytes')),
    ...(await linesOf(metrics, 'gateway_audit_spool_delivering')),
    ...(await linesOf(metrics, 'gateway_secrets')),
  ]
  metrics.observe(observed)
  expect(await shown()).toEqual([])
  const spool = { waitingBytes: 4096, isDelivering: false }
  metrics.observe({
    ...observed,
    auditSpool: () => spool,
    secrets: () => ({ fresh: 2, stale: 0, refused: 1 }),
  })
  expect(await shown()).toEqual([
    'gateway_audit_spool_bytes 4096',
    'gateway_audit_spool_delivering 0',
    'gateway_secrets{state="fresh"} 2',
    'gateway_secrets{state="stale"} 0',
    'gateway_secrets{state="refused"} 1',
  ])
  spool.isDelivering = true
  expect(await linesOf(metrics, 'gateway_audit_spool_delivering')).toEqual([
    'gateway_audit_spool_delivering 1',
  ])
})

test('answers that did not wait for their record are counted', async () => {
  await using metrics = metricsFor()
  metrics.lateRecords(1)
  metrics.lateRecords(1)
  expect(await linesOf(metrics, 'gateway_audit_late_total')).toEqual(['gateway_audit_late_total 2'])
})

describe('MCP operations', () => {
  const LIST = { method: 'tools/list', protocolVersion: '2025-11-25', errorType: undefined }
  const CALLED = {
    method: 'tools/call',
    protocolVersion: '2026-07-28',
    transport: 'pipe',
    server: 'files',
    tool: 'read',
    errorType: undefined,
  } as const

  test('of clients are timed by method, revision and error, with the boundaries of the conventions', async () => {
    await using metrics = metricsFor()
    metrics.serverOperation(LIST, 30)
    metrics.serverOperation({ ...LIST, method: 'tools/call', errorType: '-32602' }, -1)
    const list = 'mcp_method_name="tools/list",mcp_protocol_version="2025-11-25",network_transport="tcp"'
    const call =
      'mcp_method_name="tools/call",gen_ai_operation_name="execute_tool",mcp_protocol_version="2025-11-25",network_transport="tcp",error_type="-32602"'
    expect(await linesOf(metrics, 'mcp_server_operation_duration_sum')).toEqual([
      `mcp_server_operation_duration_sum{${list}} 0.03`,
      `mcp_server_operation_duration_sum{${call}} 0`,
    ])
    const buckets = (await linesOf(metrics, 'mcp_server_operation_duration_bucket')).slice(0, 15)
    expect(buckets.map((line) => /le="([^"]+)"\} (\d+)/.exec(line)?.slice(1).join(': '))).toEqual(
      '0.01: 0,0.02: 0,0.05: 1,0.1: 1,0.2: 1,0.5: 1,1: 1,2: 1,5: 1,10: 1,30: 1,60: 1,120: 1,300: 1,+Inf: 1'.split(
        ',',
      ),
    )
  })

  test('towards servers have their server and tool too', async () => {
    await using metrics = metricsFor()
    metrics.clientOperation({ ...CALLED, errorType: 'tool_error' }, 1500)
    expect(await linesOf(metrics, 'mcp_client_operation_duration_sum')).toEqual([
      'mcp_client_operation_duration_sum{mcp_method_name="tools/call",gen_ai_operation_name="execute_tool",mcp_protocol_version="2026-07-28",network_transport="pipe",tool_gateway_server_name="files",gen_ai_tool_name="read",error_type="tool_error"} 1.5',
    ])
  })

  test('of more than 200 tools are counted together from there on, and so are error codes that servers make up', async () => {
    await using metrics = metricsFor()
    for (let index = 0; index < 5000; index += 1)
      metrics.clientOperation({ ...CALLED, tool: `t-${index}` }, 1)
    metrics.clientOperation({ ...CALLED, tool: 't-0' }, 1)
    for (let code = 1; code < 1000; code += 1)
      metrics.serverOperation({ ...LIST, errorType: String(code) }, 1)
    const client = await linesOf(metrics, 'mcp_client_operation_duration_count')
    expect(client).toHaveLength(201)
    expect(client[0]).toMatch(/gen_ai_tool_name="t-0"\} 2$/)
    expect(client.at(-1)).toMatch(/gen_ai_tool_name="_other"\} 4800$/)
    const server = await linesOf(metrics, 'mcp_server_operation_duration_count')
    expect(server).toEqual([expect.stringMatching(/error_type="_OTHER"\} 999$/)])
  })
})

test('the process shows its memory, CPU time and event loop', async () => {
  await using metrics = metricsFor()
  const value = async (name: string): Promise<number> =>
    Number((await linesOf(metrics, name))[0]?.split(' ').at(-1))
  expect(await value('process_memory_usage')).toBeGreaterThan(1e6)
  expect(await value('v8js_memory_heap_used')).toBeGreaterThan(1e6)
  expect(await value('process_cpu_time_total{mode="user"}')).toBeGreaterThan(0)
  expect(await value('nodejs_eventloop_delay_p99')).toBeGreaterThanOrEqual(0)
})

/** Lets the event loop be measured, which takes real time. */
const ticks = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 50))

test('a blocked event loop shows as its delay', async () => {
  await using metrics = metricsFor()
  await ticks()
  const end = performance.now() + 200
  while (performance.now() < end);
  await ticks()
  const [line = ''] = await linesOf(metrics, 'nodejs_eventloop_delay_p99')
  expect(Number(line.split(' ')[1])).toBeGreaterThan(0.1)
})

test('says what every metric means', async () => {
  await using metrics = metricsFor()
  metrics.call({ ...CALL, code: 'internal', rule: 'tenant' }, 1)
  metrics.authFailure('missing_token')
  const text = await metrics.text()
  const described = [...text.matchAll(/^# HELP (\S+) (.+)$/gm)].map(([, name]) => name)
  const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name)
  expect(described).toEqual(names)
  expect(names).toContain('gateway_call_duration')
})

test('closes once', async () => {
  const metrics = new Metrics()
  await metrics.close()
  await expect(metrics.close()).resolves.toBeUndefined()
})
