import { type Profiler, Session } from 'node:inspector'

/** What ran, by V8's precise coverage. */
export interface Ran {
  /** Whether something ran that never did before. */
  readonly isNew: boolean
  /** How often blocks of code ran, all together. */
  readonly work: number
}

/**
 * Tells which code of some files runs in this process. There can be one at a time: V8 keeps one count for all who ask.
 */
export class Coverage {
  readonly #session = new Session()
  readonly #isGuiding: (url: string) => boolean
  /** For each character of a file, whether it ever ran. */
  readonly #known = new Map<string, Uint8Array>()

  /** @param code the files, by the ends of their paths */
  constructor(code: readonly string[]) {
    this.#isGuiding = (url) => code.some((end) => url.endsWith(`/src/${end}`))
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
    this.take({ learns: false })
  }

  /** How many characters of the files ever ran. */
  get reached(): number {
    const sums = [...this.#known.values()].map((file) => file.reduce((sum, isKnown) => sum + isKnown, 0))
    return sums.reduce((sum, each) => sum + each, 0)
  }

  /** What ran since the last call; it is old from now on if it is learned. */
  take({ learns }: { learns: boolean }): Ran {
    let scripts: readonly Profiler.ScriptCoverage[] = []
    this.#session.post('Profiler.takePreciseCoverage', (failure, { result }) => {
      if (failure !== null) throw failure
      scripts = result
    })
    let isNew = false
    let work = 0
    for (const { url, functions } of scripts) {
      if (!this.#isGuiding(url)) continue
      const known = this.#knownOf(url, functions)
      for (const { ranges } of functions) {
        for (const { count } of ranges) work += count
        if (painted(known, ranges, learns)) isNew = true
      }
    }
    return { isNew, work }
  }

  close(): void {
    this.#session.post('Profiler.stopPreciseCoverage')
    this.#session.disconnect()
  }

  #knownOf(url: string, functions: readonly Profiler.FunctionCoverage[]): Uint8Array {
    const size = Math.max(...functions.flatMap(({ ranges }) => ranges.map(({ endOffset }) => endOffset)))
    const known = this.#known.get(url)
    if (known !== undefined && known.length >= size) return known
    const larger = new Uint8Array(size)
    if (known !== undefined) larger.set(known)
    this.#known.set(url, larger)
    return larger
  }
}

/** Marks what ran of a function, of which inner ranges come after outer ones; says whether any of it was not marked. */
function painted(known: Uint8Array, ranges: readonly Profiler.CoverageRange[], learns: boolean): boolean {
  const [whole] = ranges
  if (whole === undefined || whole.count === 0) return false
  const ran = new Uint8Array(whole.endOffset - whole.startOffset)
  for (const { startOffset, endOffset, count } of ranges)
    ran.fill(count > 0 ? 1 : 0, startOffset - whole.startOffset, endOffset - whole.startOffset)
  const before = known.subarray(whole.startOffset, whole.endOffset)
  const isNew = ran.some((isRan, at) => isRan > (before[at] ?? 0))
  if (isNew && learns) for (const [at, isRan] of ran.entries()) if (isRan === 1) before[at] = 1
  return isNew
}
