import { expect, test } from '@jest/globals'
import { Metrics } from '../../../src/telemetry/metrics/metrics.ts'

async function linesOf(metrics: Metrics, name: string): Promise<string[]> {
  const text = await metrics.text()
  return text.split('\n').filter((line) => line.startsWith(`${name}{`))
}

function metricsFor(): Metrics & AsyncDisposable {
  const metrics = new Metrics()
  return Object.assign(metrics, { [Symbol.asyncDispose]: () => metrics.close() })
}

const nothing = { sessions: () => ({}), servers: () => ({}), auditQueue: () => 0, generation: () => 0 }

test('the state of a server is that of its worst circuit', async () => {
  await using metrics = metricsFor()
  metrics.observe({
    ...nothing,
    breakers: () => [
      ['crm', 'closed'],
      ['crm', 'open'],
      ['crm', 'half_open'],
      ['files', 'half_open'],
      ['memory', 'closed'],
    ],
  })
  expect(await linesOf(metrics, 'gateway_breaker_state')).toEqual([
    'gateway_breaker_state{server="crm"} 2',
    'gateway_breaker_state{server="files"} 1',
    'gateway_breaker_state{server="memory"} 0',
  ])
})

test('changes of circuits, repeated calls and fallbacks are counted by server', async () => {
  await using metrics = metricsFor()
  metrics.breaker('crm', 'open')
  metrics.breaker('crm', 'open')
  metrics.breaker('crm', 'closed')
  metrics.retry('crm', 'repeated')
  metrics.retry('crm', 'no_budget')
  metrics.fallback('crm')
  expect(await linesOf(metrics, 'gateway_breaker_transitions_total')).toEqual([
    'gateway_breaker_transitions_total{server="crm",state="open"} 2',
    'gateway_breaker_transitions_total{server="crm",state="closed"} 1',
  ])
  expect(await linesOf(metrics, 'gateway_retries_total')).toEqual([
    'gateway_retries_total{server="crm",outcome="repeated"} 1',
    'gateway_retries_total{server="crm",outcome="no_budget"} 1',
  ])
  expect(await linesOf(metrics, 'gateway_fallbacks_total')).toEqual([
    'gateway_fallbacks_total{server="crm"} 1',
  ])
})

test('servers that come and go cannot grow them for ever', async () => {
  await using metrics = metricsFor()
  for (let index = 0; index < 300; index += 1) {
    metrics.retry(`server-${index}`, 'repeated')
    metrics.breaker(`server-${index}`, 'open')
  }
  metrics.observe({ ...nothing, breakers: () => [['server-299', 'open']] })
  const retries = await linesOf(metrics, 'gateway_retries_total')
  expect(retries).toHaveLength(201)
  expect(retries).toContain('gateway_retries_total{server="other",outcome="repeated"} 100')
  expect(await linesOf(metrics, 'gateway_breaker_state')).toEqual(['gateway_breaker_state{server="other"} 2'])
})
