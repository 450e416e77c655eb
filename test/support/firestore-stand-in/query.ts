import { NAME, picked, valueAt } from './field-path.ts'
import { inequalityPaths, isMatch } from './filter.ts'
import type { Cursor, Document, Order, Query, QueryTarget } from './messages.ts'
import { compareValues, NULL } from './values.ts'

/** The documents that a query finds among all documents of a database, in its order. */
export function resultsOf(
  { parent, structuredQuery: query }: QueryTarget,
  documents: Iterable<Document>,
): Document[] {
  const orders = ordersOf(query)
  const { where, startAt, endAt, offset = 0, limit, select } = query
  const found = [...documents]
    .filter((document) => isIn(query, parent, document.name))
    .filter((document) => where === undefined || isMatch(where, document))
    .filter((document) => orders.every(({ field }) => valueAt(document, field.fieldPath) !== undefined))
    .filter((document) => startAt === undefined || !isBefore(document, startAt, orders))
    .filter((document) => endAt === undefined || isBefore(document, endAt, orders))
    .toSorted((a, b) => compare(a, b, orders))
    .slice(offset, limit === undefined ? undefined : offset + (limit.value ?? 0))
  if (select === undefined) return found
  const paths = select.fields.map(({ fieldPath }) => fieldPath)
  return found.map((document) => ({ ...document, fields: picked(document, paths) }))
}

/** A query without a collection is of all of them, as recursive deletion asks. */
function isIn({ from }: Query, parent: string, name: string): boolean {
  if (!name.startsWith(`${parent}/`)) return false
  const below = name.slice(parent.length + 1).split('/')
  return from.some(
    ({ collectionId, allDescendants = false }) =>
      (collectionId === undefined || collectionId === below.at(-2)) && (allDescendants || below.length === 2),
  )
}

/** What is asked for, then the fields of inequalities, then the name, so that no two documents are equal. */
function ordersOf({ orderBy, where }: Query): Order[] {
  const direction = orderBy.at(-1)?.direction ?? 'ASCENDING'
  const orders = [...orderBy]
  for (const fieldPath of [...inequalityPaths(where), NAME]) {
    if (!orders.some(({ field }) => field.fieldPath === fieldPath))
      orders.push({ field: { fieldPath }, direction })
  }
  return orders
}

function compare(a: Document, b: Document, orders: readonly Order[]): number {
  for (const { field, direction } of orders) {
    const order = compareValues(valueAt(a, field.fieldPath) ?? NULL, valueAt(b, field.fieldPath) ?? NULL)
    if (order !== 0) return direction === 'DESCENDING' ? -order : order
  }
  return 0
}

/** Whether a document comes before a cursor, which itself is before or after the documents that have its values. */
function isBefore(document: Document, { values, before = false }: Cursor, orders: readonly Order[]): boolean {
  for (const [index, value] of values.entries()) {
    const { field, direction } = orders[index] ?? { field: { fieldPath: NAME } }
    const order = compareValues(valueAt(document, field.fieldPath) ?? NULL, value)
    if (order !== 0) return direction === 'DESCENDING' ? order > 0 : order < 0
  }
  return !before
}
