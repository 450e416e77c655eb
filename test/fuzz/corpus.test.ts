import { spawnSync } from 'node:child_process'
import { expect, test } from '@jest/globals'
import { corpusOf } from './corpus.ts'
import { TARGETS } from './targets.ts'

test.each(TARGETS.map((target) => [target.name, target.guarantee, target] as const))(
  'every input that a search has kept for %s: %s',
  async (_name, _guarantee, target) => {
    const broken: string[] = []
    for (const input of [...target.seeds.map((seed) => Buffer.from(seed, 'latin1')), ...corpusOf(target)]) {
      try {
        await target.check(input)
      } catch (thrown) {
        broken.push(`${JSON.stringify(input.toString('latin1'))}: ${String(thrown)}`)
      }
    }
    expect(broken).toEqual([])
  },
)

test('a search finds a fault behind one comparison after the other, and makes its input small', () => {
  const { status, stdout } = spawnSync(process.execPath, ['test/fuzz/planted/search.ts'], {
    encoding: 'utf8',
    // What this process covers is counted by itself.
    env: { ...process.env, NODE_V8_COVERAGE: '' },
  })
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'the fault: "fuzz"; work: "a,,"\n' })
})
