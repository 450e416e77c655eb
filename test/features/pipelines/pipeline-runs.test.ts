import { expect, test } from '@jest/globals'
import { PipelineRuns } from '../../../src/features/pipelines/pipeline-runs.ts'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { plan } from '../../pipelines/plans.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { principal } from '../../support/offers.ts'
import { caller, operation, unroutedCall } from '../../support/routing.ts'

const PLAN = plan([{ id: 'read', tool: 'files_read' }])
const LIMITS = {
  maxRunning: 3,
  maxRunningOfTenant: 2,
  maxRunningOfPrincipal: 2,
  maxKept: 2,
  maxKeptBytes: 10_000,
  keepMs: 1000,
}
const ANN = principal()

const clock = (): FakeClock => new FakeClock()
const runs = (time = clock()): PipelineRuns => new PipelineRuns({ clock: time, limits: LIMITS })
const of = (tenantId: string): ReturnType<typeof unroutedCall> =>
  unroutedCall({ caller: caller({ tenantId }) })
const forever = (): Promise<JsonObject> => new Promise(() => undefined)

test('as many runs are under way as may be, of a tenant and in all', () => {
  const all = runs()
  const begin = (tenantId: string): void => void all.begin(of(tenantId), PLAN).follow(forever)
  begin('acme')
  begin('acme')
  expect(() => begin('acme')).toThrow('The limit of concurrent pipeline runs is reached')
  begin('globex')
  expect(() => begin('globex')).toThrow(GatewayError)
})

test('one principal leaves places of its tenant to the others', () => {
  const all = new PipelineRuns({ clock: clock(), limits: { ...LIMITS, maxRunningOfPrincipal: 1 } })
  const begin = (subject: string): void =>
    void all.begin(unroutedCall({ caller: caller({ subject }) }), PLAN).follow(forever)
  begin('ann')
  expect(() => begin('ann')).toThrow('The limit of concurrent pipeline runs is reached')
  begin('bob')
  expect(() => begin('bob')).toThrow('The limit of concurrent pipeline runs is reached')
})

test('a run that has ended makes room, and is kept for its owner for a time', async () => {
  const time = clock()
  const all = runs(time)
  const run = all.begin(of('acme'), PLAN)
  run.onStep({ id: 'read', status: 'running' })
  await time.advance(5)
  run.onStep({ id: 'read', status: 'ok' })
  const result = await run.follow(() => Promise.resolve({ content: [] }))
  const steps = [
    { id: 'read', status: 'ok', startedAt: '2026-01-01T00:00:00.000Z', endedAt: '2026-01-01T00:00:00.005Z' },
  ]
  const summary = { id: run.id, pipeline: 'digest', status: 'succeeded', steps }
  expect(result).toEqual({ content: [], _meta: { 'tool-gateway/run': summary } })
  expect(all.status(run.id, ANN)).toEqual({
    ...summary,
    requestId: 'r-1',
    startedAt: '2026-01-01T00:00:00.000Z',
    endedAt: '2026-01-01T00:00:00.005Z',
    result: { content: [] },
  })
  for (const other of [{ subject: 'bob' }, { tenantId: 'globex' }, { roles: ['reader'] }])
    expect(() => all.status(run.id, principal(other))).toThrow('Unknown run')
  await time.advance(1001)
  expect(() => all.status(run.id, ANN)).toThrow('Unknown run')
})

test('of runs that have ended the last ones are kept, without results that are too large', async () => {
  const all = runs()
  const ended: string[] = []
  for (const text of ['a', 'b', 'x'.repeat(600)]) {
    const run = all.begin(of('acme'), PLAN)
    await run.follow(() => Promise.resolve({ text }))
    ended.push(run.id)
  }
  const [first = '', second = '', third = ''] = ended
  expect(() => all.status(first, ANN)).toThrow('Unknown run')
  expect(all.status(second, ANN)).toMatchObject({ result: { text: 'b' } })
  const last = all.status(third, ANN)
  expect(last).toMatchObject({ status: 'succeeded', resultTooLarge: true })
  expect(last['result']).toBeUndefined()
})

test('a run that failed says how, and what it hears of its steps later changes nothing', async () => {
  const all = runs()
  const run = all.begin(of('acme'), PLAN)
  run.onStep({ id: 'read', status: 'failed', error: { code: 'tool_not_found', message: 'Step read: no' } })
  const error = new GatewayError('tool_not_found', 'Step read: no', { facts: { step: 'read' } })
  await expect(run.follow(() => Promise.reject(error))).rejects.toBe(error)
  run.onStep({ id: 'read', status: 'ok' })
  expect(all.status(run.id, ANN)).toMatchObject({
    status: 'failed',
    steps: [{ status: 'failed', error: { message: 'Step read: no' } }],
    error: { code: 'tool_not_found', message: 'Step read: no', step: 'read' },
  })
})

test('its owner alone ends a run', () => {
  const all = runs()
  const run = all.begin(of('acme'), PLAN)
  void run.follow(forever)
  expect(() => all.cancel(run.id, principal({ subject: 'bob' }))).toThrow('Unknown run')
  expect(run.signal.aborted).toBe(false)
  all.cancel(run.id, ANN)
  expect(run.signal.aborted).toBe(true)
})

test('a run that was expected has the id that was said, from when it begins', async () => {
  const all = runs()
  const expected = operation()
  const { id, begun } = all.expect(expected)
  expect(() => all.status(id, ANN)).toThrow('Unknown run')
  expect(all.begin(unroutedCall({ operation: expected }), PLAN).id).toBe(id)
  await begun
  expect(all.status(id, ANN)).toMatchObject({ id, status: 'running' })
})

/** Runs to their ends, with these texts as their results; gives their ids. */
async function runAll(all: PipelineRuns, tenantId: string, texts: readonly string[]): Promise<string[]> {
  const ids: string[] = []
  for (const text of texts) {
    const run = all.begin(of(tenantId), PLAN)
    await run.follow(() => Promise.resolve({ text }))
    ids.push(run.id)
  }
  return ids
}

test('the runs of one tenant, however many or large, do not displace the last ones of another', async () => {
  const others = principal({ tenantId: 'globex' })
  for (const [limits, text] of [
    [{ maxKept: 4, maxKeptBytes: 1_000_000 }, 'x'],
    [{ maxKept: 1000, maxKeptBytes: 10_000 }, 'x'.repeat(400)],
  ] as const) {
    const all = new PipelineRuns({ clock: clock(), limits: { ...LIMITS, ...limits } })
    const kept = await runAll(all, 'globex', ['a', 'b'])
    const many = await runAll(
      all,
      'acme',
      Array.from({ length: 50 }, () => text),
    )
    expect(kept.map((id) => all.status(id, others)['result'])).toEqual([{ text: 'a' }, { text: 'b' }])
    expect(all.status(many.at(-1) ?? '', ANN)['result']).toEqual({ text })
    expect(() => all.status(many[0] ?? '', ANN)).toThrow('Unknown run')
    expect(new Set(all.list(others).map(({ id }) => id))).toEqual(new Set(kept))
  }
})

test('a list of runs reads none of their results', async () => {
  const all = new PipelineRuns({
    clock: clock(),
    limits: { ...LIMITS, maxKept: 10, maxKeptBytes: 1_000_000 },
  })
  const ids = await runAll(all, 'acme', ['a'.repeat(40_000), 'b'.repeat(40_000)])
  const { parse } = JSON
  const lengths: number[] = []
  JSON.parse = (text: string): unknown => {
    lengths.push(text.length)
    return parse(text)
  }
  let list: JsonObject[] = []
  try {
    list = all.list(ANN)
  } finally {
    JSON.parse = parse
  }
  expect(new Set(list.map(({ id }) => id))).toEqual(new Set(ids))
  expect(list.map(({ result }) => result)).toEqual([undefined, undefined])
  expect(lengths.length).toBe(2)
  expect(Math.max(...lengths)).toBeLessThan(1000)
})
