import type { Check, Results } from './suite.ts'

/** Checks that do not pass, with the reason: each is `<scenario>` or `<scenario>:<check id>`. */
export interface Expectation {
  readonly reason: string
  /** Names of the runs in which they do not pass. */
  readonly runs: readonly string[]
  readonly checks: readonly string[]
  /** For what depends on the machine: passing is fine too. */
  readonly mayPass?: boolean
}

export interface Verdict {
  readonly scenarios: number
  readonly passed: number
  readonly failed: number
  /** Checks that do not pass, expected to. */
  readonly excused: readonly string[]
  /** Why the run counts as failed, if it does: one line each. */
  readonly problems: readonly string[]
}

interface Counted {
  passed: number
  failed: number
  message: string
}

/**
 * A check falls short when it fails, or passes less often than in `baseline`. What falls short has to be expected, and
 * what is expected has to fall short.
 */
export function judge(
  run: string,
  results: Results,
  expectations: readonly Expectation[],
  baseline: Results = new Map(),
): Verdict {
  const here = expectations.filter(({ runs }) => runs.includes(run))
  const expected = new Set(here.flatMap(({ checks }) => checks))
  const counted = count(results)
  const met = new Set<string>()
  const excused: string[] = []
  const problems: string[] = []
  for (const [check, problem] of shortfalls(counted, count(baseline))) {
    const entry = [check, scenarioOf(check)].find((name) => expected.has(name))
    if (entry === undefined) problems.push(`${check}: ${problem}`)
    else {
      met.add(entry)
      excused.push(check)
    }
  }
  for (const entry of here.filter(({ mayPass }) => mayPass !== true).flatMap(({ checks }) => checks)) {
    if (!met.has(entry))
      problems.push(`${entry}: expected not to pass, but does, or does not exist: remove it`)
  }
  const all = [...counted.values()]
  return {
    scenarios: results.size,
    passed: all.reduce((sum, { passed }) => sum + passed, 0),
    failed: all.reduce((sum, { failed }) => sum + failed, 0),
    excused,
    problems,
  }
}

function* shortfalls(
  counted: ReadonlyMap<string, Counted>,
  baseline: ReadonlyMap<string, Counted>,
): Generator<[check: string, problem: string]> {
  for (const [check, { failed, message }] of counted) if (failed > 0) yield [check, message]
  for (const [check, { passed }] of baseline) {
    const here = counted.get(check) ?? { passed: 0, failed: 0 }
    if (here.failed === 0 && here.passed < passed) {
      yield [check, `passes ${here.passed} times, and ${passed} times without the gateway`]
    }
  }
}

function count(results: Results): Map<string, Counted> {
  const counted = new Map<string, Counted>()
  for (const [scenario, checks] of results) {
    for (const check of checks) {
      const key = `${scenario}:${check.id}`
      const so = counted.get(key) ?? { passed: 0, failed: 0, message: '' }
      if (check.status === 'SUCCESS') so.passed += 1
      if (check.status === 'FAILURE') {
        so.failed += 1
        so.message ||= messageOf(check)
      }
      counted.set(key, so)
    }
  }
  return counted
}

function messageOf({ errorMessage, description = '' }: Check): string {
  return (errorMessage ?? description).replaceAll(/\s+/g, ' ').slice(0, 400)
}

function scenarioOf(check: string): string {
  return check.slice(0, check.indexOf(':'))
}
