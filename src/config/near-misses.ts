import { settingsSchema } from './schema.ts'

/** A variable of the environment that is no setting and looks as if it were meant to be one. */
export interface NearMiss {
  readonly name: string
  readonly meant: string
}

/** Short names are near to too many that mean something else. */
const SHORTEST = 5
const LONG = 9
const LONGEST = 64

/** Variables that are almost named like a setting, and so have no effect. */
export function nearMisses(env: Readonly<Record<string, string | undefined>>): NearMiss[] {
  const settings = Object.keys(settingsSchema.shape)
  const known = new Set(settings)
  return Object.keys(env)
    .filter((name) => !known.has(name) && name.length <= LONGEST)
    .flatMap((name) => {
      const meant = settings.find((setting) => isNear(name, setting))
      return meant === undefined ? [] : [{ name, meant }]
    })
}

/** The sentence about a near miss. */
export function nearMissText({ name, meant }: NearMiss): string {
  return `${name} is not a setting and has no effect; did you mean ${meant}?`
}

function isNear(name: string, setting: string): boolean {
  if (wordsOf(name) === wordsOf(setting) || squeezed(name) === squeezed(setting)) return true
  if (setting.length < SHORTEST) return false
  const limit = setting.length < LONG ? 1 : 2
  return Math.abs(name.length - setting.length) <= limit && distance(name, setting) <= limit
}

function wordsOf(name: string): string {
  return name.toUpperCase().split(/[_-]/).toSorted().join('_')
}

function squeezed(name: string): string {
  return name.toUpperCase().replace(/[_-]/g, '')
}

/** How many characters have to be put in, taken out, replaced, or exchanged with their neighbour. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row += 1) {
    const next = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1]
      const isExchanged = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      next[column] = Math.min(
        (last[column] ?? 0) + 1,
        (next[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isExchanged ? (before[column - 2] ?? Infinity) + 1 : Infinity,
      )
    }
    before = last
    last = next
  }
  return last[b.length] ?? 0
}
