const SEGMENT = /^(\d{12})\.jsonl$/
/** Segments of earlier versions, which have the names of processes, and their signs of life. */
const OF_EARLIER_VERSIONS = /^[0-9a-f]{8}-\d+-[0-9a-f]{16}\.(?:\d+\.jsonl|alive)$/

/** Records that no store takes. */
export const REFUSED_FILE = 'refused.jsonl'

/** Name of the segment of a number from 1. */
export function segmentFile(number: number): string {
  return `${String(number).padStart(12, '0')}.jsonl`
}

/** What the names in a spool folder are. */
export interface SegmentFiles {
  /** Segments, oldest first. */
  readonly segments: readonly string[]
  /** Number of the newest segment. */
  readonly lastNumber: number
  /** Files that nothing reads any more. */
  readonly outdated: readonly string[]
}

/** Sorts the names in a spool folder. */
export function segmentsIn(names: readonly string[]): SegmentFiles {
  const numbered = names.filter((name) => SEGMENT.test(name)).toSorted()
  const earlier = names.filter((name) => OF_EARLIER_VERSIONS.test(name)).toSorted()
  return {
    segments: [...earlier.filter((name) => name.endsWith('.jsonl')), ...numbered],
    lastNumber: Number(SEGMENT.exec(numbered.at(-1) ?? '')?.[1] ?? 0),
    outdated: earlier.filter((name) => name.endsWith('.alive')),
  }
}
