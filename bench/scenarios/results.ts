import { compare } from '../comparison/compare.ts'
import { rowsOf } from '../comparison/figures.ts'
import { tableOf } from '../comparison/report.ts'
import { FLOOR, REFERENCES } from '../comparison/systems.ts'
import { chosen } from './calls.ts'
import type { Scenario } from './scenario.ts'

const KB = 1024
/** The calls before those that count are enough for V8 to have compiled most of what a result passes. */
const SIZES = [
  { title: '64 KB', bytes: 64 * KB, calls: 400, warmUp: 4000 },
  { title: '1 MB', bytes: KB * KB, calls: 100, warmUp: 400 },
  { title: '5 MB', bytes: 5 * KB * KB, calls: 32, warmUp: 128 },
]

/** What large results cost, by system. */
export const resultsScenario: Scenario = {
  name: 'results',
  title: 'results of 64 KB, 1 MB and 5 MB of base64',
  run: async (options, say) => {
    const kinds = [...REFERENCES, ...chosen(options.only)]
    const found = []
    for (const { title, bytes, calls, warmUp } of SIZES) {
      say(`results of ${title}`)
      const sized = { ...options, bytes, calls, warmUp }
      // oxlint-disable-next-line no-await-in-loop -- one size at a time
      const measurements = await compare(kinds, sized, say)
      found.push({ title, calls, rows: rowsOf(measurements, FLOOR), measurements })
    }
    const text = found.map(
      ({ title, calls, rows }) => `${options.rounds} rounds of ${calls} calls, ${title}\n\n${tableOf(rows)}`,
    )
    return { text: text.join('\n'), figures: { results: found } }
  },
}
