import { editDistance } from './edit-distance.ts'

const MAX_LENGTH = 128
const MOST = 3

/**
 * The names that somebody may have meant by another: those that differ in a few characters, then those that contain it
 * or end in it, the nearest first.
 * @param names should be those that the asker may know
 */
export function nearNames(asked: string, names: Iterable<string>): string[] {
  if (asked === '' || asked.length > MAX_LENGTH) return []
  const wanted = plain(asked)
  const near = [...names].flatMap((name) => {
    const distance = name.length > MAX_LENGTH ? undefined : distanceOf(wanted, plain(name))
    return distance === undefined ? [] : [{ name, distance }]
  })
  return near
    .toSorted((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, MOST)
    .map(({ name }) => name)
}

/** Undefined for a name that is not near. */
function distanceOf(wanted: string, name: string): number | undefined {
  const limit = Math.max(1, Math.floor(wanted.length / 4))
  const distance = Math.abs(name.length - wanted.length) > limit ? Infinity : editDistance(wanted, name)
  if (distance <= limit) return distance
  const isPart = wanted.length > 2 && (name.endsWith(`_${wanted}`) || name.includes(wanted))
  return isPart ? limit + 1 : undefined
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-.\s/]/g, '_')
}
