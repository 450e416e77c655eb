import type { Exchange } from './exchange-record.ts'

/** One step on the way from an address to its tools. */
export interface Hop {
  readonly name: string
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped'
  /** What was found. */
  readonly finding: string
  /** What to change. */
  readonly advice?: string
  readonly exchanges: readonly Exchange[]
}

/** What a step finds; it fails with an advice. */
export class HopFailure extends Error {
  override readonly name = 'HopFailure'
  readonly advice: string

  constructor(finding: string, advice: string) {
    super(finding)
    this.advice = advice
  }
}

/** What a step that did not fail has to say. */
export interface HopResult {
  readonly finding: string
  /** Makes it a warning: some clients will not get past it. */
  readonly advice?: string | undefined
  readonly isSkipped?: boolean
}
