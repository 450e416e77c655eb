import { type Difference, differenceOf } from '../domain/json/difference.ts'
import type { JsonObject } from '../domain/json/json.ts'
import { FIXED_ARGUMENTS, masked } from './mask.ts'

/** Of what starts a process, too, nothing is written down that may be a secret. */
const HIDDEN = ['args', FIXED_ARGUMENTS]

/** What is different between two versions of a server's document; where secrets differ, their fields are named alone. */
export function documentChange(before: JsonObject | undefined, after: JsonObject | undefined): Difference {
  const shown = { before: before && masked(before, HIDDEN), after: after && masked(after, HIDDEN) }
  return differenceOf(before, after, shown)
}

/** Which fields of a pipeline's document are different. Values may be anything, so that none is written down. */
export function changedFields(before: JsonObject | undefined, after: JsonObject | undefined): Difference {
  const { fields, more } = differenceOf(before, after)
  return { fields: fields.map(({ field }) => ({ field })), ...(more !== undefined && { more }) }
}
