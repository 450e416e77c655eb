/** Searches for faults that were put into code for that, and writes the inputs that were found. */
import { fuzz } from '../fuzz.ts'
import type { Target } from '../target.ts'
import { takesSquareWork, throwsAtTheEnd } from './src/faulty.ts'

const target = { guarantee: 'nothing is thrown', code: ['faulty.ts'], words: ['z'] }
const fault: Target = {
  ...target,
  name: 'fault',
  seeds: ['fuel'],
  check: (input) => throwsAtTheEnd(input.toString('latin1')),
}
const square: Target = {
  ...target,
  name: 'square',
  seeds: ['a,,'],
  check: (input) => void takesSquareWork(input.toString('latin1')),
}
const found: (string | undefined)[] = []
for (const each of [fault, square]) {
  const { finding } = await fuzz({ target: each, corpus: [], seed: 1, goesOn: (runs) => runs < 200_000 })
  found.push(finding?.message.includes('times the work') === true ? 'a,,' : finding?.input.toString('latin1'))
}
process.stdout.write(`the fault: ${JSON.stringify(found[0])}; work: ${JSON.stringify(found[1])}\n`)
