import type { Fields, Time, Value } from './messages.ts'

/** Types in the order in which Firestore sorts values of different types; numbers are of one type. */
const TYPES: readonly (readonly Value['valueType'][])[] = [
  ['nullValue'],
  ['booleanValue'],
  ['integerValue', 'doubleValue'],
  ['timestampValue'],
  ['stringValue'],
  ['bytesValue'],
  ['referenceValue'],
  ['geoPointValue'],
  ['arrayValue'],
  ['mapValue'],
]

export const NULL: Value = { valueType: 'nullValue', nullValue: 'NULL_VALUE' }

export function referenceTo(name: string): Value {
  return { valueType: 'referenceValue', referenceValue: name }
}

export function isSameType(a: Value, b: Value): boolean {
  return rankOf(a) === rankOf(b)
}

export function isEqual(a: Value, b: Value): boolean {
  return compareValues(a, b) === 0
}

/** Negative, zero or positive, in the order in which Firestore sorts. */
export function compareValues(a: Value, b: Value): number {
  return rankOf(a) - rankOf(b) || compareSame(a, b)
}

/** In nanoseconds. */
export function nanosOf({ seconds = '0', nanos = 0 }: Time): bigint {
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanos)
}

export function numberOf(value: Value): number | undefined {
  if (value.valueType === 'doubleValue') return value.doubleValue
  return value.valueType === 'integerValue' ? Number(value.integerValue) : undefined
}

function rankOf({ valueType }: Value): number {
  return TYPES.findIndex((types) => types.includes(valueType))
}

function compareSame(a: Value, b: Value): number {
  if (a.valueType === 'stringValue' && b.valueType === 'stringValue')
    return compareText(a.stringValue, b.stringValue)
  if (a.valueType === 'bytesValue' && b.valueType === 'bytesValue')
    return Buffer.compare(a.bytesValue, b.bytesValue)
  if (a.valueType === 'referenceValue' && b.valueType === 'referenceValue')
    return compareLists(a.referenceValue.split('/'), b.referenceValue.split('/'), compareText)
  if (a.valueType === 'arrayValue' && b.valueType === 'arrayValue')
    return compareLists(a.arrayValue.values, b.arrayValue.values, compareValues)
  if (a.valueType === 'mapValue' && b.valueType === 'mapValue')
    return compareLists(sorted(a.mapValue.fields), sorted(b.mapValue.fields), compareEntries)
  return compareLists(partsOf(a), partsOf(b), compareParts)
}

/** What values without texts or members are sorted by. */
function partsOf(value: Value): (number | bigint)[] {
  if (value.valueType === 'booleanValue') return [Number(value.booleanValue)]
  if (value.valueType === 'integerValue') return [BigInt(value.integerValue)]
  if (value.valueType === 'doubleValue') return [value.doubleValue]
  if (value.valueType === 'timestampValue') return [nanosOf(value.timestampValue)]
  if (value.valueType !== 'geoPointValue') return []
  const { latitude = 0, longitude = 0 } = value.geoPointValue
  return [latitude, longitude]
}

/** NaN is equal to itself and comes before all other numbers. */
function compareParts(a: number | bigint, b: number | bigint): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(b)) - Number(Number.isNaN(a))
  if (a < b) return -1
  return a > b ? 1 : 0
}

/** By their UTF-8, which is not the order of JavaScript. */
function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function compareEntries([a, left]: [string, Value], [b, right]: [string, Value]): number {
  return compareText(a, b) || compareValues(left, right)
}

function compareLists<T>(a: readonly T[], b: readonly T[], compare: (a: T, b: T) => number): number {
  for (const [index, member] of a.entries()) {
    const other = b[index]
    if (other === undefined) return 1
    const order = compare(member, other)
    if (order !== 0) return order
  }
  return a.length - b.length
}

function sorted(fields: Fields): [string, Value][] {
  return Object.entries(fields).toSorted(([a], [b]) => compareText(a, b))
}
