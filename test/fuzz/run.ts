/**
 * Coverage-guided fuzzing of what reads strangers' bytes: `npm run fuzz -- [TARGET…] [--seconds N | --runs N] [--seed N]
 * [--keep]`. Without `--runs` each target is searched for a minute. The same seed and number of runs make the same
 * search. `--keep` adds to the corpus what reached something new, and what was found. Ends with 1 when a guarantee is broken.
 */
import { parseArgs } from 'node:util'
import { escapedJson } from '../../src/domain/text/printable.ts'
import { addToCorpus, corpusOf } from './corpus.ts'
import { fuzz, type FuzzReport } from './fuzz.ts'
import type { Target } from './target.ts'
import { TARGETS } from './targets.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    runs: { type: 'string' },
    seed: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
})
const say = (text: string): boolean => process.stdout.write(`${text}\n`)
const unknown = positionals.filter((name) => !TARGETS.some((target) => target.name === name))
if (unknown.length > 0) {
  say(`There is no target ${unknown.join(', ')}; there are ${TARGETS.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
for (const target of TARGETS)
  if (positionals.length === 0 || positionals.includes(target.name)) await search(target)

async function search(target: Target): Promise<void> {
  const corpus = corpusOf(target)
  const start = process.cpuUsage()
  const seconds = (): number => {
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1e6
  }
  const goesOn =
    values.runs === undefined
      ? (): boolean => seconds() < Number(values.seconds)
      : (runs: number): boolean => runs < Number(values.runs)
  const report = await fuzz({ target, corpus, seed: Number(values.seed), goesOn })
  const { runs, kept, reached, finding } = report
  say(
    `${target.name.padEnd(16)} ${finding === undefined ? 'holds ' : 'BROKEN'} ${runs} inputs, ${reached} characters of code reached, ${kept.length} inputs new, ${seconds().toFixed(1)} s of CPU`,
  )
  if (finding !== undefined) tell(target, finding)
  if (values.keep) addToCorpus(target, finding === undefined ? kept : [...kept, finding.input])
}

function tell({ guarantee }: Target, { message, input }: NonNullable<FuzzReport['finding']>): void {
  say(
    `  guaranteed: ${guarantee}\n  found: ${message}\n  input: ${escapedJson(JSON.stringify(input.toString('latin1')))}`,
  )
  process.exitCode = 1
}
