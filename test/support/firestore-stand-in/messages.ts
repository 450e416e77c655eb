/** Messages of google.firestore.v1 as they come off the wire: oneofs are named, defaults are left out. */

export interface Time {
  readonly seconds?: string
  readonly nanos?: number
}

export type Fields = Readonly<Record<string, Value>>

export type Value =
  | { readonly valueType: 'nullValue'; readonly nullValue: 'NULL_VALUE' }
  | { readonly valueType: 'booleanValue'; readonly booleanValue: boolean }
  | { readonly valueType: 'integerValue'; readonly integerValue: string }
  | { readonly valueType: 'doubleValue'; readonly doubleValue: number }
  | { readonly valueType: 'timestampValue'; readonly timestampValue: Time }
  | { readonly valueType: 'stringValue'; readonly stringValue: string }
  | { readonly valueType: 'bytesValue'; readonly bytesValue: Buffer }
  | { readonly valueType: 'referenceValue'; readonly referenceValue: string }
  | { readonly valueType: 'geoPointValue'; readonly geoPointValue: GeoPoint }
  | { readonly valueType: 'arrayValue'; readonly arrayValue: { readonly values: readonly Value[] } }
  | { readonly valueType: 'mapValue'; readonly mapValue: { readonly fields: Fields } }

interface GeoPoint {
  readonly latitude?: number
  readonly longitude?: number
}

/** Its name is `projects/<id>/databases/<id>/documents/<path>`. */
export interface Document {
  readonly name: string
  readonly fields: Fields
  readonly createTime: Time
  readonly updateTime: Time
}

export type Precondition =
  | { readonly conditionType: 'exists'; readonly exists: boolean }
  | { readonly conditionType: 'updateTime'; readonly updateTime: Time }

export type FieldTransform = { readonly fieldPath: string } & (
  | { readonly transformType: 'setToServerValue' }
  | { readonly transformType: 'increment'; readonly increment: Value }
  | { readonly transformType: 'appendMissingElements'; readonly appendMissingElements: { values: Value[] } }
  | { readonly transformType: 'removeAllFromArray'; readonly removeAllFromArray: { values: Value[] } }
  | { readonly transformType: 'maximum' | 'minimum' }
)

export type Write = {
  readonly updateMask?: { readonly fieldPaths: readonly string[] }
  readonly updateTransforms: readonly FieldTransform[]
  readonly currentDocument?: Precondition
} & (
  | { readonly operation: 'update'; readonly update: Pick<Document, 'name' | 'fields'> }
  | { readonly operation: 'delete'; readonly delete: string }
  | { readonly operation: 'transform' }
)

export interface WriteResult {
  readonly updateTime?: Time | undefined
  readonly transformResults: readonly Value[]
}

interface FieldReference {
  readonly fieldPath: string
}

export type FieldOperator =
  | 'LESS_THAN'
  | 'LESS_THAN_OR_EQUAL'
  | 'GREATER_THAN'
  | 'GREATER_THAN_OR_EQUAL'
  | 'EQUAL'
  | 'NOT_EQUAL'
  | 'ARRAY_CONTAINS'
  | 'IN'
  | 'ARRAY_CONTAINS_ANY'
  | 'NOT_IN'

export interface FieldFilter {
  readonly field: FieldReference
  readonly op: FieldOperator
  readonly value: Value
}

export interface UnaryFilter {
  readonly field: FieldReference
  readonly op: 'IS_NAN' | 'IS_NULL' | 'IS_NOT_NAN' | 'IS_NOT_NULL'
}

export type Filter =
  | {
      readonly filterType: 'compositeFilter'
      readonly compositeFilter: { readonly op: 'AND' | 'OR'; readonly filters: readonly Filter[] }
    }
  | { readonly filterType: 'fieldFilter'; readonly fieldFilter: FieldFilter }
  | { readonly filterType: 'unaryFilter'; readonly unaryFilter: UnaryFilter }

export interface Order {
  readonly field: FieldReference
  readonly direction?: 'ASCENDING' | 'DESCENDING'
}

export interface Cursor {
  readonly values: readonly Value[]
  readonly before?: boolean
}

export interface Query {
  readonly select?: { readonly fields: readonly FieldReference[] }
  readonly from: readonly { readonly collectionId?: string; readonly allDescendants?: boolean }[]
  readonly where?: Filter
  readonly orderBy: readonly Order[]
  readonly startAt?: Cursor
  readonly endAt?: Cursor
  readonly offset?: number
  readonly limit?: { readonly value?: number }
}

/** A query below a document, or below the root of a database. */
export interface QueryTarget {
  readonly parent: string
  readonly structuredQuery: Query
}

export type Target = {
  readonly targetId: number
  readonly resumeType?: string
} & (
  | { readonly targetType: 'query'; readonly query: QueryTarget }
  | { readonly targetType: 'documents'; readonly documents: { readonly documents: readonly string[] } }
)

export type ListenRequest = { readonly database: string } & (
  | { readonly targetChange: 'addTarget'; readonly addTarget: Target }
  | { readonly targetChange: 'removeTarget'; readonly removeTarget: number }
)

export type ListenResponse =
  | {
      readonly targetChange: {
        readonly targetChangeType: 'NO_CHANGE' | 'ADD' | 'REMOVE' | 'CURRENT' | 'RESET'
        readonly targetIds: readonly number[]
        readonly readTime?: Time
        readonly resumeToken?: Buffer
      }
    }
  | { readonly documentChange: { readonly document: Document; readonly targetIds: readonly number[] } }
  | { readonly documentDelete: Gone }
  | { readonly documentRemove: Gone }

interface Gone {
  readonly document: string
  readonly removedTargetIds: readonly number[]
  readonly readTime: Time
}

/** Reads may belong to a transaction, or begin one. */
export interface Reading {
  readonly consistencySelector?: 'transaction' | 'newTransaction' | 'readTime'
  readonly transaction?: Buffer
}
