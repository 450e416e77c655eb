import { compare } from '../comparison/compare.ts'
import { rowsOf } from '../comparison/figures.ts'
import { tableOf } from '../comparison/report.ts'
import { FLOOR, REFERENCES } from '../comparison/systems.ts'
import { chosen } from './calls.ts'
import type { Scenario } from './scenario.ts'

/** The ways in which the messages come in the answer to the call. */
const SYSTEMS = ['modern', 'legacy']
const COUNTS = [
  { progress: 10, calls: 1000, warmUp: 4000 },
  { progress: 100, calls: 200, warmUp: 800 },
]

/** What calls cost whose servers tell of their progress. */
export const progressScenario: Scenario = {
  name: 'progress',
  title: 'calls with 10 and with 100 progress messages before the result',
  run: async (options, say) => {
    const kinds = [...REFERENCES, ...chosen(options.only.length === 0 ? SYSTEMS : options.only)]
    const found = []
    for (const { progress, calls, warmUp } of COUNTS) {
      say(`${progress} progress messages`)
      // oxlint-disable-next-line no-await-in-loop -- one number at a time
      const measurements = await compare(kinds, { ...options, progress, calls, warmUp }, say)
      found.push({ progress, calls, rows: rowsOf(measurements, FLOOR), measurements })
    }
    const text = found.map(
      ({ progress, calls, rows }) =>
        `${options.rounds} rounds of ${calls} calls, ${progress} progress messages each\n\n${tableOf(rows)}`,
    )
    return { text: text.join('\n'), figures: { progress: found } }
  },
}
