import { isDeepStrictEqual } from 'node:util'
import { status } from '@grpc/grpc-js'
import { valueAt, withValueAt } from './field-path.ts'
import type { Document, FieldTransform, Precondition, Time, Value, Write } from './messages.ts'
import { checkStorable } from './storable.ts'
import { StatusError } from './status-error.ts'
import { isEqual, nanosOf, NULL, numberOf } from './values.ts'

/** Name of the document that is written. @throws StatusError `UNIMPLEMENTED` */
export function nameOf(write: Write): string {
  if (write.operation === 'update') return write.update.name
  if (write.operation === 'delete') return write.delete
  throw new StatusError(status.UNIMPLEMENTED, 'the stand-in has transforms only as part of updates')
}

/** What a write makes of a document. @throws StatusError when its precondition does not hold, or it is too large */
export function written(
  write: Write,
  before: Document | undefined,
  now: Time,
): { after: Document | undefined; transformResults: Value[] } {
  if (write.currentDocument !== undefined) checkPrecondition(write.currentDocument, nameOf(write), before)
  if (write.operation !== 'update') return { after: undefined, transformResults: [] }
  let document: Document = {
    name: write.update.name,
    fields: updatedFields(write.update, before, write.updateMask?.fieldPaths),
    createTime: before?.createTime ?? now,
    updateTime: now,
  }
  const transformResults: Value[] = []
  for (const transform of write.updateTransforms) {
    const { value, result } = transformed(transform, valueAt(document, transform.fieldPath), now)
    document = { ...document, fields: withValueAt(document.fields, transform.fieldPath, value) }
    transformResults.push(result)
  }
  checkStorable(document)
  const isSame = before !== undefined && isDeepStrictEqual(before.fields, document.fields)
  return { after: isSame ? before : document, transformResults }
}

function checkPrecondition(wanted: Precondition, name: string, before: Document | undefined): void {
  if (wanted.conditionType === 'exists') {
    if (wanted.exists && before === undefined)
      throw new StatusError(status.NOT_FOUND, `No document to update: ${name}`)
    if (!wanted.exists && before !== undefined)
      throw new StatusError(status.ALREADY_EXISTS, `Document already exists: ${name}`)
  } else if (before === undefined || nanosOf(before.updateTime) !== nanosOf(wanted.updateTime)) {
    throw new StatusError(status.FAILED_PRECONDITION, `the stored version of ${name} is another one`)
  }
}

/** Without a mask the document is replaced; a path of the mask that the update has not is removed. */
function updatedFields(
  update: Pick<Document, 'name' | 'fields'>,
  before: Document | undefined,
  mask: readonly string[] | undefined,
): Document['fields'] {
  if (mask === undefined) return update.fields
  const source = { ...update, createTime: {}, updateTime: {} }
  return mask.reduce((fields, path) => withValueAt(fields, path, valueAt(source, path)), before?.fields ?? {})
}

function transformed(
  transform: FieldTransform,
  before: Value | undefined,
  now: Time,
): { value: Value; result: Value } {
  const members = before?.valueType === 'arrayValue' ? before.arrayValue.values : []
  switch (transform.transformType) {
    case 'setToServerValue': {
      const value: Value = { valueType: 'timestampValue', timestampValue: now }
      return { value, result: value }
    }
    case 'increment': {
      const value = sumOf(before, transform.increment)
      return { value, result: value }
    }
    case 'appendMissingElements': {
      const { values } = transform.appendMissingElements
      const added = values.filter((one) => !members.some((member) => isEqual(member, one)))
      return { value: listOf([...members, ...added]), result: NULL }
    }
    case 'removeAllFromArray': {
      const { values } = transform.removeAllFromArray
      const kept = members.filter((member) => !values.some((one) => isEqual(member, one)))
      return { value: listOf(kept), result: NULL }
    }
    case 'maximum':
    case 'minimum':
      throw new StatusError(status.UNIMPLEMENTED, `the stand-in has no ${transform.transformType}`)
  }
}

/** What is no number counts as nothing. */
function sumOf(before: Value | undefined, added: Value): Value {
  const start = before === undefined ? undefined : numberOf(before)
  if (before === undefined || start === undefined) return added
  const sum = start + (numberOf(added) ?? 0)
  return before.valueType === 'integerValue' && added.valueType === 'integerValue'
    ? { valueType: 'integerValue', integerValue: String(sum) }
    : { valueType: 'doubleValue', doubleValue: sum }
}

function listOf(values: readonly Value[]): Value {
  return { valueType: 'arrayValue', arrayValue: { values } }
}
