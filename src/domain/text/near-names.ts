import { editDistance } from './edit-distance.ts'

const MAX_LENGTH = 128
const MOST = 3
/** Comparing costs; of many names those that begin or end alike are likelier. */
const MAX_COMPARED = 400
const SAME_START = 2
const SAME_END = 3

/**
 * The names that somebody may have meant by another: those that differ in a few characters, then those that contain it
 * or end in it, the nearest first.
 * @param names should be those that the asker may know
 */
export function nearNames(asked: string, names: Iterable<string>): string[] {
  if (asked === '' || asked.length > MAX_LENGTH) return []
  const wanted = plain(asked)
  const near = likely(wanted, names).flatMap(({ name, text }) => {
    const distance = distanceOf(wanted, text)
    return distance === undefined ? [] : [{ name, distance }]
  })
  return near
    .toSorted((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, MOST)
    .map(({ name }) => name)
}

function likely(wanted: string, names: Iterable<string>): { name: string; text: string }[] {
  const [start, end] = [wanted.slice(0, SAME_START), wanted.slice(-SAME_END)]
  const found: { name: string; text: string }[] = []
  for (const name of names) {
    if (name.length > MAX_LENGTH) continue
    const text = plain(name)
    if (!text.startsWith(start) && !text.endsWith(end) && !text.includes(wanted)) continue
    found.push({ name, text })
    if (found.length === MAX_COMPARED) break
  }
  return found
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
