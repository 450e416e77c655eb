import { NAME, valueAt } from './field-path.ts'
import type { Document, FieldFilter, FieldOperator, Filter, UnaryFilter, Value } from './messages.ts'
import { compareValues, isEqual, isSameType, numberOf } from './values.ts'

const INEQUALITIES = new Set<string>([
  'LESS_THAN',
  'LESS_THAN_OR_EQUAL',
  'GREATER_THAN',
  'GREATER_THAN_OR_EQUAL',
  'NOT_EQUAL',
  'NOT_IN',
  'IS_NOT_NAN',
  'IS_NOT_NULL',
])

export function isMatch(filter: Filter, document: Document): boolean {
  switch (filter.filterType) {
    case 'compositeFilter': {
      const { op, filters } = filter.compositeFilter
      return op === 'OR'
        ? filters.some((one) => isMatch(one, document))
        : filters.every((one) => isMatch(one, document))
    }
    case 'fieldFilter':
      return isFieldMatch(filter.fieldFilter, document)
    case 'unaryFilter':
      return isUnaryMatch(filter.unaryFilter, document)
  }
}

/** Paths by which Firestore sorts without being told to. */
export function inequalityPaths(filter: Filter | undefined): string[] {
  if (filter === undefined) return []
  if (filter.filterType === 'compositeFilter')
    return [...new Set(filter.compositeFilter.filters.flatMap(inequalityPaths))].toSorted()
  const { op, field } = filter.filterType === 'fieldFilter' ? filter.fieldFilter : filter.unaryFilter
  return INEQUALITIES.has(op) && field.fieldPath !== NAME ? [field.fieldPath] : []
}

type Comparison = (value: Value, wanted: Value) => boolean

/** Values of different types are not compared, but they differ. */
const COMPARISONS: Readonly<Record<FieldOperator, Comparison>> = {
  LESS_THAN: (value, wanted) => isSameType(value, wanted) && compareValues(value, wanted) < 0,
  LESS_THAN_OR_EQUAL: (value, wanted) => isSameType(value, wanted) && compareValues(value, wanted) <= 0,
  GREATER_THAN: (value, wanted) => isSameType(value, wanted) && compareValues(value, wanted) > 0,
  GREATER_THAN_OR_EQUAL: (value, wanted) => isSameType(value, wanted) && compareValues(value, wanted) >= 0,
  EQUAL: isEqual,
  NOT_EQUAL: (value, wanted) => !isNull(value) && !isEqual(value, wanted),
  IN: isIn,
  NOT_IN: (value, wanted) => !isNull(value) && !isIn(value, wanted) && !membersOf(wanted).some(isNull),
  ARRAY_CONTAINS: (value, wanted) => isIn(wanted, value),
  ARRAY_CONTAINS_ANY: (value, wanted) => membersOf(wanted).some((one) => isIn(one, value)),
}

/** A document without the field matches nothing. */
function isFieldMatch({ field, op, value: wanted }: FieldFilter, document: Document): boolean {
  const value = valueAt(document, field.fieldPath)
  return value !== undefined && COMPARISONS[op](value, wanted)
}

function isUnaryMatch({ field, op }: UnaryFilter, document: Document): boolean {
  const value = valueAt(document, field.fieldPath)
  if (value === undefined) return false
  switch (op) {
    case 'IS_NAN':
      return Number.isNaN(numberOf(value))
    case 'IS_NULL':
      return isNull(value)
    case 'IS_NOT_NAN':
      return !isNull(value) && !Number.isNaN(numberOf(value))
    case 'IS_NOT_NULL':
      return !isNull(value)
  }
}

function isNull({ valueType }: Value): boolean {
  return valueType === 'nullValue'
}

function isIn(value: Value, list: Value): boolean {
  return membersOf(list).some((member) => isEqual(member, value))
}

function membersOf(value: Value): readonly Value[] {
  return value.valueType === 'arrayValue' ? value.arrayValue.values : []
}
