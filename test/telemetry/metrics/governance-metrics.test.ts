import { expect, test } from '@jest/globals'
import { Metrics } from '../../../src/telemetry/metrics/metrics.ts'

test('previews are counted with the bytes and tokens that they left out', async () => {
  const metrics = new Metrics()
  metrics.preview('files', 4_000_000, 1_000_000)
  metrics.preview('files', 4_000, 1_000)
  metrics.toolChange({ server: 'files', kind: 'changed', policy: 'hold' })
  metrics.observe({
    sessions: () => ({}),
    servers: () => ({}),
    auditQueue: () => 0,
    generation: () => 1,
    heldTools: () => 3,
  })
  const lines = (await metrics.text()).split('\n').filter((line) => /^gateway_(results|tools)/.test(line))
  await metrics.close()
  expect(lines.toSorted()).toEqual([
    'gateway_results_previews_total{server="files"} 2',
    'gateway_results_saved_bytes_total{server="files"} 4004000',
    'gateway_results_saved_tokens_total{server="files"} 1001000',
    'gateway_tools_changes_total{server="files",kind="changed",policy="hold"} 1',
    'gateway_tools_held 3',
  ])
})
