import { status } from '@grpc/grpc-js'
import type { Document, Fields, Value } from './messages.ts'
import { StatusError } from './status-error.ts'

const MAX_DOCUMENT_BYTES = 1024 * 1024
const MAX_VALUE_BYTES = MAX_DOCUMENT_BYTES - 89

/** @throws StatusError `INVALID_ARGUMENT` for a document that is too large, or in which lists hold lists */
export function checkStorable({ name, fields }: Pick<Document, 'name' | 'fields'>): void {
  for (const [field, value] of Object.entries(fields)) {
    if (hasNestedLists(value))
      throw new StatusError(status.INVALID_ARGUMENT, `The lists of property "${field}" hold lists.`)
    if (sizeOf(value) > MAX_VALUE_BYTES) {
      throw new StatusError(status.INVALID_ARGUMENT, `The value of property "${field}" is too long.`)
    }
  }
  if (sizeOfName(name) + sizeOfFields(fields) + 32 > MAX_DOCUMENT_BYTES) {
    throw new StatusError(status.INVALID_ARGUMENT, `Document '${name}' exceeds the maximum size.`)
  }
}

function hasNestedLists(value: Value, isInList = false): boolean {
  if (value.valueType === 'mapValue')
    return Object.values(value.mapValue.fields).some((member) => hasNestedLists(member))
  if (value.valueType !== 'arrayValue') return false
  return isInList || value.arrayValue.values.some((member) => hasNestedLists(member, true))
}

function sizeOf(value: Value): number {
  switch (value.valueType) {
    case 'nullValue':
    case 'booleanValue':
      return 1
    case 'integerValue':
    case 'doubleValue':
    case 'timestampValue':
      return 8
    case 'geoPointValue':
      return 16
    case 'stringValue':
      return Buffer.byteLength(value.stringValue) + 1
    case 'bytesValue':
      return value.bytesValue.length
    case 'referenceValue':
      return sizeOfName(value.referenceValue)
    case 'arrayValue':
      return value.arrayValue.values.reduce((size, member) => size + sizeOf(member), 0)
    case 'mapValue':
      return sizeOfFields(value.mapValue.fields)
  }
}

function sizeOfFields(fields: Fields): number {
  return Object.entries(fields).reduce(
    (size, [field, value]) => size + Buffer.byteLength(field) + 1 + sizeOf(value),
    0,
  )
}

/** The part of the database counts for 16 bytes. */
function sizeOfName(name: string): number {
  const segments = name.split('/').slice(5)
  return segments.reduce((size, segment) => size + Buffer.byteLength(segment) + 1, 16)
}
