import { expect, test } from '@jest/globals'
import { Metrics } from '../../src/telemetry/metrics/metrics.ts'

const EVERYTHING_ELSE = {
  sessions: () => ({}),
  servers: () => ({}),
  auditQueue: () => 0,
  generation: () => 0,
}

/** The lines of the exposition that begin with `name`. */
async function linesOf(metrics: Metrics, name: string): Promise<string[]> {
  return (await metrics.text()).split('\n').filter((line) => line.startsWith(`${name}{`))
}

test('instances are counted by server and state, those that are ready and unhealthy apart', async () => {
  const metrics = new Metrics()
  const fleet = [
    { name: 'files', instances: [{ state: 'ready', health: 'healthy' }, { state: 'ready' }], waiting: 3 },
    { name: 'files', instances: [{ state: 'ready', health: 'unhealthy' }], waiting: 4 },
    { name: 'git', instances: [{ state: 'failed' }], waiting: 0 },
  ]
  metrics.observe({ ...EVERYTHING_ELSE, fleet: () => fleet })
  expect(await linesOf(metrics, 'gateway_instances')).toEqual([
    'gateway_instances{server="files",state="ready"} 2',
    'gateway_instances{server="files",state="unhealthy"} 1',
    'gateway_instances{server="git",state="failed"} 1',
  ])
  expect(await linesOf(metrics, 'gateway_queue')).toEqual([
    'gateway_queue{server="files"} 7',
    'gateway_queue{server="git"} 0',
  ])
  await metrics.close()
})

test('calls that were refused for want of a place are counted by server, of which only so many have a label', async () => {
  const metrics = new Metrics()
  for (let index = 0; index < 201; index += 1) metrics.busy(`server-${index}`)
  metrics.busy('server-0')
  metrics.busy('server-999')
  const lines = await linesOf(metrics, 'gateway_busy_total')
  expect(lines).toHaveLength(201)
  expect(lines).toContain('gateway_busy_total{server="server-0"} 2')
  expect(lines).toContain('gateway_busy_total{server="other"} 2')
  await metrics.close()
})
