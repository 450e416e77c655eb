import { describe, expect, test } from '@jest/globals'
import { HealthCheck } from '../../../src/upstream/health/health-check.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { server } from '../world.ts'

/** A health check whose probes fail while `isSilent`, with thresholds of 2 up and 3 down. */
class Checked {
  readonly clock = new FakeClock()
  readonly changes: (string | undefined)[] = []
  readonly life = new AbortController()
  probes = 0
  isSilent = false
  answeredAt = Number.NEGATIVE_INFINITY
  settings = { intervalMs: 1000, timeoutMs: 100, unhealthyAfter: 3, healthyAfter: 2 }
  enabled = true
  readonly check = new HealthCheck({
    turnMs: () => 0,
    clock: this.clock,
    settings: () => server({ healthCheck: { ...this.settings, enabled: this.enabled } }).healthCheck,
    probe: async () => {
      this.probes += 1
      if (this.isSilent) throw new Error('no response')
    },
    answeredAt: () => this.answeredAt,
    onChange: (health, reason) => this.changes.push(reason === undefined ? health : `${health}: ${reason}`),
  })

  /** One interval after the other. */
  async pass(intervals: number): Promise<void> {
    await this.clock.advance(intervals * this.settings.intervalMs)
  }
}

describe('an instance', () => {
  test('is healthy from its connection on, and unknown without one', () => {
    const { check, life } = new Checked()
    expect(check.health).toBeUndefined()
    check.start(life.signal)
    expect(check.health).toBe('healthy')
    check.stop()
    expect(check.health).toBeUndefined()
  })

  test('is unhealthy after as many silences in a row as the document says, and not before', async () => {
    const it = new Checked()
    it.check.start(it.life.signal)
    it.isSilent = true
    await it.pass(2)
    it.isSilent = false
    await it.pass(1)
    it.isSilent = true
    await it.pass(2)
    expect(it.changes).toEqual([])
    await it.pass(1)
    expect(it.changes).toEqual(['unhealthy: it failed 3 health checks in a row: no response'])
    await it.pass(3)
    expect(it.changes).toHaveLength(1)
  })

  test('is healthy again after as many answers in a row as the document says', async () => {
    const it = new Checked()
    it.check.start(it.life.signal)
    it.isSilent = true
    await it.pass(3)
    for (const isSilent of [false, true, false]) {
      it.isSilent = isSilent
      await it.pass(1)
    }
    expect(it.check.health).toBe('unhealthy')
    await it.pass(1)
    expect(it.changes.slice(1)).toEqual(['healthy'])
  })

  test('that was connected anew is still unhealthy until it has answered often enough', async () => {
    const it = new Checked()
    it.check.start(it.life.signal)
    it.isSilent = true
    await it.pass(3)
    it.check.stop()
    it.isSilent = false
    it.check.start(new AbortController().signal)
    expect(it.check.health).toBe('unhealthy')
    await it.pass(1)
    expect(it.check.health).toBe('healthy')
  })

  test('that was replaced is healthy at once, and can be found unhealthy again', async () => {
    const it = new Checked()
    it.check.start(it.life.signal)
    it.isSilent = true
    await it.pass(3)
    it.check.stop()
    it.check.forget()
    it.check.start(it.life.signal)
    expect(it.check.health).toBe('healthy')
    await it.pass(3)
    expect(it.changes).toHaveLength(2)
  })

  test('is not asked while its calls are answered', async () => {
    const it = new Checked()
    it.check.start(it.life.signal)
    for (let second = 1; second <= 5; second += 1) {
      it.answeredAt = it.clock.monotonic() + 500
      await it.pass(1)
    }
    expect(it.probes).toBe(0)
    await it.pass(1)
    expect(it.probes).toBe(1)
  })

  test('is not asked any more once its connection is over, nor where the document does not want it', async () => {
    const it = new Checked()
    it.check.start(it.life.signal)
    it.check.stop()
    it.enabled = false
    it.check.start(it.life.signal)
    await it.pass(5)
    expect([it.probes, it.check.health]).toEqual([0, undefined])
  })
})

describe('changed settings', () => {
  test('count from then on', async () => {
    const it = new Checked()
    it.check.start(it.life.signal)
    it.settings = { ...it.settings, intervalMs: 2000 }
    it.check.updated()
    await it.clock.advance(20_000)
    expect(it.probes).toBe(10)
  })

  test('that switch it off make nobody unhealthy any more, and on again somebody healthy', async () => {
    const it = new Checked()
    it.check.start(it.life.signal)
    it.isSilent = true
    await it.pass(3)
    it.enabled = false
    it.check.updated()
    expect(it.check.health).toBeUndefined()
    it.enabled = true
    it.check.updated()
    expect(it.changes.slice(1)).toEqual([undefined, 'healthy'])
  })
})

test('the latency is that of the last answer', async () => {
  const it = new Checked()
  const answer = Promise.withResolvers<void>()
  const check = new HealthCheck({
    turnMs: () => 0,
    clock: it.clock,
    settings: () => server().healthCheck,
    probe: () => answer.promise,
    answeredAt: () => Number.NEGATIVE_INFINITY,
    onChange: () => undefined,
  })
  check.start(it.life.signal)
  await it.clock.advance(30_000)
  await it.clock.advance(40)
  answer.resolve()
  await it.clock.advance(0)
  expect(check.latencyMs).toBe(40)
})
