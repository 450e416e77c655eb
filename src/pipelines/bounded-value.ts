const MAX_PARTS = 100_000
const MAX_CHARACTERS = 8 * 1024 * 1024
const MAX_DEPTH = 100

/**
 * A value as JSON has it, if it is no larger than a call may reasonably have it. What is looked at is each part as
 * often as it would be written.
 * @throws Error
 */
export function boundedValue(value: unknown): unknown {
  const left = { parts: MAX_PARTS, characters: MAX_CHARACTERS }
  return part(value, left, 0)
}

function part(value: unknown, left: { parts: number; characters: number }, depth: number): unknown {
  left.parts -= 1
  if (typeof value === 'string') left.characters -= value.length
  if (left.parts < 0 || left.characters < 0 || depth > MAX_DEPTH)
    throw new Error('the value of an expression is too large')
  if (Array.isArray(value)) return value.map((each) => part(each, left, depth + 1))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => {
        left.characters -= key.length
        return [key, part(each, left, depth + 1)]
      }),
    )
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  return typeof value === 'string' || typeof value === 'boolean' ? value : null
}
