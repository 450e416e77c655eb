/** Bytes that each value takes in the heap, without its text. */
const VALUE_BYTES = 64

/** Estimates how many bytes of memory a JSON value takes, and stops above `limit`. The caller has bounded its depth. */
export function memoryUpTo(limit: number, value: unknown): number {
  if (typeof value === 'string') return VALUE_BYTES + value.length
  if (typeof value !== 'object' || value === null) return VALUE_BYTES
  const isList = Array.isArray(value)
  let size = VALUE_BYTES
  for (const [key, member] of isList ? value.entries() : Object.entries(value)) {
    if (typeof key === 'string') size += key.length
    size += memoryUpTo(limit - size, member)
    if (size > limit) break
  }
  return size
}
