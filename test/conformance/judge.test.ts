import { describe, expect, test } from '@jest/globals'
import { type Expectation, judge } from './judge.ts'
import type { Check, Results } from './suite.ts'

function results(scenarios: Record<string, Record<string, Check['status']>>): Results {
  return new Map(
    Object.entries(scenarios).map(([scenario, checks]) => [
      scenario,
      Object.entries(checks).map(([id, status]) => ({ id, status, errorMessage: `${id} is wrong` })),
    ]),
  )
}

function expecting(...checks: string[]): Expectation[] {
  return [{ reason: 'because', runs: ['run'], checks }]
}

describe('the verdict on a run of the conformance suite', () => {
  test('has no problem when every check passes', () => {
    expect(judge('run', results({ ping: { a: 'SUCCESS', b: 'INFO' } }), [])).toEqual({
      scenarios: 1,
      passed: 1,
      failed: 0,
      excused: [],
      problems: [],
    })
  })

  test('has a problem for each check that fails unexpectedly', () => {
    const { problems } = judge('run', results({ ping: { a: 'FAILURE', b: 'FAILURE' } }), expecting('ping:a'))
    expect(problems).toEqual(['ping:b: b is wrong'])
  })

  test('excuses all failures of a scenario that is expected as a whole', () => {
    const verdict = judge('run', results({ ping: { a: 'FAILURE', b: 'FAILURE' } }), expecting('ping'))
    expect(verdict).toMatchObject({ failed: 2, excused: ['ping:a', 'ping:b'], problems: [] })
  })

  test('has a problem for an expectation that passes, or that meets nothing', () => {
    const { problems } = judge('run', results({ ping: { a: 'SUCCESS' } }), expecting('ping:a', 'pong'))
    expect(problems).toEqual([
      'ping:a: expected not to pass, but does, or does not exist: remove it',
      'pong: expected not to pass, but does, or does not exist: remove it',
    ])
  })

  test('lets an expectation pass that may', () => {
    const mayPass = expecting('ping:a').map((expectation) => ({ ...expectation, mayPass: true }))
    expect(judge('run', results({ ping: { a: 'SUCCESS' } }), mayPass).problems).toEqual([])
    expect(judge('run', results({ ping: { a: 'FAILURE' } }), mayPass).problems).toEqual([])
  })

  test('does not look at expectations of other runs', () => {
    const { problems } = judge('other', results({ ping: { a: 'FAILURE' } }), expecting('ping:a'))
    expect(problems).toEqual(['ping:a: a is wrong'])
  })

  test('has a problem for a check that passes less often than without the gateway', () => {
    const direct = results({ ping: { a: 'SUCCESS', b: 'SUCCESS' }, pong: { c: 'SUCCESS' } })
    const { problems } = judge('run', results({ ping: { a: 'SUCCESS', b: 'SKIPPED' } }), [], direct)
    expect(problems).toEqual([
      'ping:b: passes 0 times, and 1 times without the gateway',
      'pong:c: passes 0 times, and 1 times without the gateway',
    ])
  })

  test('counts a check that fails and is missed once', () => {
    const { problems } = judge(
      'run',
      results({ ping: { a: 'FAILURE' } }),
      [],
      results({ ping: { a: 'SUCCESS' } }),
    )
    expect(problems).toEqual(['ping:a: a is wrong'])
  })
})
