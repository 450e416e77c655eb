import { recordInLine } from '../record-line.ts'
import { commitmentOf } from './link.ts'
import { erasedRecord, partsOf, recordText } from './record-text.ts'

/**
 * The text of a record without what is personal, for which its hash stands.
 * @param salt of the record; null for one of no chain
 * @param by the id of the record of the erasure
 */
export function erasedText(text: string, salt: string | null, by: string): string {
  const record = recordInLine(text)
  const parts = partsOf(text)
  const commitment = parts?.personal === undefined || salt === null ? '' : commitmentOf(salt, parts.personal)
  if (record === undefined) return JSON.stringify({ erasedBy: by, commitment })
  const erased = recordText(erasedRecord(record, { commitment, by }))
  const personal = partsOf(erased) === undefined ? undefined : erased.slice(erased.indexOf(',"subject":'))
  // The public part letter by letter: it may have what only a later version reads.
  return parts === undefined || personal === undefined ? erased : `{${parts.open}${personal}`
}
