import { Chance } from './chance.ts'
import { Coverage } from './coverage.ts'
import { mutated, type MutationSources } from './mutations.ts'
import type { Target } from './target.ts'

/**
 * Inputs that run between two looks at the coverage, which take as long as a hundred inputs. If they reached something
 * new, each half runs once more, and so on down to the input that did.
 */
const BATCH = 192
/** One input in so many is made long, to see how the work grows with the length. */
const LONG_EVERY = 960
const LONG = 2048
/** Work that four times the length may take, in times of that of the length. */
const MAX_GROWTH = 6
/** Less than this is start-up. */
const LITTLE_WORK = 4000
const MAX_SHRINKING = 2000

/** An input that breaks the guarantee of a target. */
interface Finding {
  readonly message: string
  /** As small as it was made. */
  readonly input: Buffer
}

/** What a run found out. */
export interface FuzzReport {
  readonly runs: number
  /** Inputs that reach something that none before them reached; the given ones are not among them. */
  readonly kept: readonly Buffer[]
  /** Characters of the code that ran. */
  readonly reached: number
  readonly finding: Finding | undefined
}

interface FuzzOptions {
  readonly target: Target
  /** Inputs that were kept before. */
  readonly corpus: readonly Buffer[]
  readonly seed: number
  /** Whether to go on after so many inputs. */
  readonly goesOn: (runs: number) => boolean
}

/** Searches for an input that breaks what a target guarantees; the same search for the same seed. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const search = new Search(options)
  try {
    return await search.run()
  } finally {
    search.close()
  }
}

class Search {
  readonly #options: FuzzOptions
  readonly #chance: Chance
  readonly #coverage: Coverage
  readonly #sources: MutationSources
  readonly #pool: Buffer[] = []
  readonly #kept: Buffer[] = []
  #runs = 0

  constructor(options: FuzzOptions) {
    this.#options = options
    this.#chance = new Chance(options.seed)
    this.#coverage = new Coverage(options.target.code)
    this.#sources = {
      words: options.target.words.map((word) => Buffer.from(word, 'latin1')),
      other: () => this.#chance.of(this.#pool),
    }
  }

  async run(): Promise<FuzzReport> {
    const { target, corpus, goesOn } = this.#options
    const given = [...target.seeds.map((seed) => Buffer.from(seed, 'latin1')), ...corpus]
    let finding = await this.#learn(given, { keeps: false })
    this.#pool.push(...given)
    while (finding === undefined && goesOn(this.#runs)) {
      const batch = Array.from({ length: BATCH }, () => mutated(this.#chosen(), this.#chance, this.#sources))
      finding = await this.#learn(batch, { keeps: true })
      finding ??= await this.#watchGrowth()
    }
    return { runs: this.#runs, kept: this.#kept, reached: this.#coverage.reached, finding }
  }

  close(): void {
    this.#coverage.close()
  }

  /** Mostly one of those that were kept last, because less has been made of them. */
  #chosen(): Buffer {
    const recent = this.#pool.slice(-Math.max(8, this.#pool.length >> 2))
    return this.#chance.of(this.#chance.below(2) === 0 ? recent : this.#pool)
  }

  async #learn(inputs: readonly Buffer[], { keeps }: { keeps: boolean }): Promise<Finding | undefined> {
    for (const input of inputs) {
      const message = await this.#failure(input)
      if (message !== undefined) return this.#shrunk(input, message)
    }
    if (this.#coverage.take({ learns: false }).isNew) await this.#narrowed(inputs, keeps)
    return undefined
  }

  /** Finds which of the inputs reach what is new, and keeps them. */
  async #narrowed(inputs: readonly Buffer[], keeps: boolean): Promise<void> {
    for (const input of inputs) await this.#failure(input)
    const [only] = inputs
    const { isNew } = this.#coverage.take({ learns: inputs.length === 1 })
    if (!isNew || only === undefined) return
    if (inputs.length > 1) {
      const middle = inputs.length >> 1
      await this.#narrowed(inputs.slice(0, middle), keeps)
      return this.#narrowed(inputs.slice(middle), keeps)
    }
    if (!keeps) return
    this.#pool.push(only)
    this.#kept.push(only)
  }

  async #failure(input: Buffer): Promise<string | undefined> {
    this.#runs += 1
    try {
      await this.#options.target.check(Buffer.from(input))
      return undefined
    } catch (thrown) {
      return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
    }
  }

  /** The smallest input that was found to fail with the same message: pieces are left out, larger ones first. */
  async #shrunk(input: Buffer, message: string): Promise<Finding> {
    let smallest = input
    let tries = 0
    for (let size = smallest.length; size >= 1; size >>= 1) {
      for (let at = 0; at + size <= smallest.length && tries < MAX_SHRINKING;) {
        const without = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)])
        tries += 1
        if (kindOf(await this.#failure(without)) === kindOf(message)) smallest = without
        else at += size
      }
    }
    return { message: (await this.#failure(smallest)) ?? message, input: smallest }
  }

  /** Repeats a piece of an input, and four times as often: the work has to grow with the length, not with its square. */
  async #watchGrowth(): Promise<Finding | undefined> {
    if (this.#chance.below(LONG_EVERY / BATCH) !== 0) return undefined
    const input = this.#chosen()
    const start = this.#chance.below(input.length)
    const end = Math.min(input.length, start + 1 + this.#chance.below(8))
    const times = Math.ceil(LONG / Math.max(1, end - start))
    const long = (factor: number): Buffer =>
      Buffer.concat([
        input.subarray(0, start),
        ...Array.from({ length: times * factor }, () => input.subarray(start, end)),
        input.subarray(end),
      ])
    const works: number[] = []
    for (const factor of [1, 4]) {
      this.#coverage.take({ learns: false })
      const message = await this.#failure(long(factor))
      if (message !== undefined) return this.#shrunk(long(factor), message)
      works.push(this.#coverage.take({ learns: false }).work)
    }
    const [work = 0, more = 0] = works
    if (more < Math.max(LITTLE_WORK, work) * MAX_GROWTH) return undefined
    return {
      message: `four times the length takes ${(more / work).toFixed(1)} times the work`,
      input: long(1),
    }
  }
}

function kindOf(message: string | undefined): string | undefined {
  return message?.replaceAll(/\d+|"[^"]*"/g, '').slice(0, 60)
}
