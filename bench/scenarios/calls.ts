import { compare } from '../comparison/compare.ts'
import { rowsOf } from '../comparison/figures.ts'
import { tableOf } from '../comparison/report.ts'
import { PEER_KINDS } from '../comparison/peers.ts'
import { FLOOR, GATEWAYS, REFERENCES, type SystemKind } from '../comparison/systems.ts'
import type { Scenario } from './scenario.ts'

/** What a call costs, by system. */
export const callsScenario: Scenario = {
  name: 'calls',
  title: 'what a call costs, by how clients call; the default',
  hasRows: true,
  run: async (options, say) => {
    const peers = options.peers ? PEER_KINDS : []
    const measurements = await compare([...REFERENCES, ...chosen(options.only), ...peers], options, say)
    const rows = rowsOf(measurements, FLOOR)
    const { rounds, calls, bytes } = options
    const image = bytes === 0 ? '' : `, each with an image of ${bytes} bytes`
    const heading = `${rounds} rounds of ${calls} calls${image}: medians, with the smallest and the largest`
    return { text: `${heading}\n\n${tableOf(rows)}`, figures: { rows, measurements } }
  },
}

/** The systems with these names; all where there is no name. @throws Error for a name that no system has */
export function chosen(names: readonly string[]): SystemKind[] {
  if (names.length === 0) return [...GATEWAYS]
  return names.map((name) => {
    const kind = GATEWAYS.find((each) => each.name === name)
    if (kind === undefined) throw new Error(`There is no system ${name}. See --help.`)
    return kind
  })
}
