import type { Row } from '../comparison/figures.ts'
import type { Options } from '../options.ts'

/** One thing to measure. */
export interface Scenario {
  readonly name: string
  /** What it measures, for people. */
  readonly title: string
  /** Whether it finds rows, of which there can be a chart. */
  readonly hasRows?: boolean
  /** Measures; `say` takes the progress. */
  readonly run: (options: Options, say: (line: string) => void) => Promise<Outcome>
}

/** What a scenario found. */
interface Outcome {
  /** For people. */
  readonly text: string
  /** For programs. */
  readonly figures: Readonly<Record<string, unknown>> & { readonly rows?: readonly Row[] }
}
