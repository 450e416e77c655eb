import { FieldValue, type Query } from '@google-cloud/firestore'
import { erasedText } from '../chain/erasure.ts'
import { recordText } from '../chain/record-text.ts'
import { recordInLine } from '../record-line.ts'
import { linkIn, recordOfDocument } from './record-documents.ts'

/** Firestore takes up to 500 writes at once. */
const PAGE = 200

/**
 * Erases what is personal in the records that a query finds, some at a time, and resolves with how many they were. What
 * is erased is found no more.
 */
export async function erasePages(query: Query, by: string): Promise<number> {
  let erased = 0
  const { docs } = await query.get()
  for (let start = 0; start < docs.length; start += PAGE) {
    const page = docs.slice(start, start + PAGE)
    const [first] = page
    const batch = first?.ref.firestore.batch()
    for (const document of page) {
      const data = document.data()
      const { record } = recordOfDocument(document.id, data)
      if (record === undefined || batch === undefined) continue
      const left = recordInLine(erasedText(recordText(record), linkIn(data)?.salt ?? null, by))
      if (left === undefined) continue
      const { id: _, ...fields } = left
      const gone = {
        clientName: FieldValue.delete(),
        address: FieldValue.delete(),
        change: FieldValue.delete(),
      }
      batch.update(document.ref, { ...fields, ...gone, salt: FieldValue.delete() })
      erased += 1
    }
    await batch?.commit()
  }
  return erased
}
