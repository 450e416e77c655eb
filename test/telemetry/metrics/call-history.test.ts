import { describe, expect, test } from '@jest/globals'
import { CallHistory } from '../../../src/telemetry/metrics/call-history.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const call = { tenantId: 'acme', server: 'files', durationMs: 10, errorOwner: undefined }

describe('the history of calls', () => {
  test('counts calls, failures by owner and durations in steps of 30 seconds', async () => {
    const clock = new FakeClock()
    const history = new CallHistory({ clock })
    history.add(call)
    await clock.advance(30_000)
    for (let count = 0; count < 98; count += 1) history.add({ ...call, durationMs: 4 })
    history.add({ ...call, durationMs: 900, errorOwner: 'upstream' })
    const { steps, whole } = history.of('acme')
    expect(steps).toHaveLength(120)
    expect(steps.slice(-2)).toEqual([
      {
        startMs: Date.parse('2026-01-01T00:00:00Z'),
        calls: 1,
        errors: { client: 0, config: 0, upstream: 0, gateway: 0 },
        p50: 8.75,
        p95: 9.875,
        p99: 9.975,
      },
      expect.objectContaining({ calls: 99, errors: { client: 0, config: 0, upstream: 1, gateway: 0 } }),
    ])
    expect(whole).toMatchObject({ calls: 100, errors: { upstream: 1 }, p99: 10 })
    expect(steps[0]).toMatchObject({ calls: 0, p50: undefined })
  })

  test('forgets what is older than an hour', async () => {
    const clock = new FakeClock()
    const history = new CallHistory({ clock })
    history.add(call)
    await clock.advance(3_600_000)
    expect(history.of('acme').whole.calls).toBe(0)
  })

  test('keeps tenants and their servers apart', () => {
    const history = new CallHistory({ clock: new FakeClock() })
    history.add(call)
    history.add({ ...call, server: undefined })
    history.add({ ...call, tenantId: 'globex' })
    const counts = [
      history.of('acme'),
      history.of('acme', 'files'),
      history.of('globex'),
      history.of('initech'),
    ]
    expect(counts.map(({ whole }) => whole.calls)).toEqual([2, 1, 1, 0])
  })

  test('keeps 500 tenants and servers, and forgets one without calls for a long time', async () => {
    const clock = new FakeClock()
    const history = new CallHistory({ clock })
    history.add({ ...call, server: undefined })
    await clock.advance(30_000)
    for (let count = 0; count < 500; count += 1)
      history.add({ ...call, tenantId: `t${count}`, server: undefined })
    expect(history.of('acme').whole.calls).toBe(0)
    expect(history.of('t0').whole.calls).toBe(1)
    expect(history.of('t499').whole.calls).toBe(1)
  })

  test('a tenant whose calls go on stays, however many others have one each', () => {
    const history = new CallHistory({ clock: new FakeClock() })
    history.add({ ...call, server: undefined })
    for (let count = 0; count < 5000; count += 1) {
      if (count % 100 === 0) history.add({ ...call, server: undefined })
      history.add({ ...call, tenantId: `t${count}`, server: undefined })
    }
    expect(history.of('acme').whole.calls).toBe(51)
    expect(history.of('t0').whole.calls).toBe(0)
    expect(history.of('t4999').whole.calls).toBe(1)
  })
})
