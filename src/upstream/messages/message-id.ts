import type { RequestId } from '@modelcontextprotocol/client'

/** As many digits as a number can hold exactly. */
const NUMBER = /^\d{1,15}$/

/**
 * The id, or progress token, of ours that a server means: servers in languages with one type for ids give numbers back
 * as text. Undefined for what is no id at all.
 */
export function meantId(given: unknown): RequestId | undefined {
  if (typeof given === 'number') return given
  if (typeof given !== 'string') return undefined
  return NUMBER.test(given) ? Number(given) : given
}

/** Whether a server means the request `id`, which is one of ours. */
export function isSameId(given: unknown, id: unknown): boolean {
  const meant = meantId(given)
  return meant !== undefined && meant === meantId(id)
}

/** Whether a text that is no number of ours would be taken for one by the SDK, which reads every id as a number. */
export function isMistakable(id: unknown): boolean {
  return typeof meantId(id) === 'string' && !Number.isNaN(Number(id))
}
