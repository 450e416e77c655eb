/** What each value takes in the heap beside its texts. */
const VALUE_BYTES = 64

/**
 * About how much memory a JSON value takes, counted only until it is more than `limit`. Whoever asks has bounded its
 * depth.
 */
export function sizeUpTo(limit: number, value: unknown): number {
  if (typeof value === 'string') return VALUE_BYTES + value.length
  if (typeof value !== 'object' || value === null) return VALUE_BYTES
  const isList = Array.isArray(value)
  let size = VALUE_BYTES
  for (const [key, member] of isList ? value.entries() : Object.entries(value)) {
    if (typeof key === 'string') size += key.length
    size += sizeUpTo(limit - size, member)
    if (size > limit) break
  }
  return size
}
