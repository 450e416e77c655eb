import { editDistance } from '../domain/text/edit-distance.ts'
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
  return Math.abs(name.length - setting.length) <= limit && editDistance(name, setting) <= limit
}

function wordsOf(name: string): string {
  return name.toUpperCase().split(/[_-]/).toSorted().join('_')
}

function squeezed(name: string): string {
  return name.toUpperCase().replace(/[_-]/g, '')
}
