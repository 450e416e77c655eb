import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { z } from 'zod'

const path = join(import.meta.dirname, '../../firestore.indexes.json')
const { indexes, fieldOverrides } = z
  .object({
    indexes: z.array(
      z.object({
        collectionGroup: z.string(),
        fields: z.array(z.object({ fieldPath: z.string(), order: z.string() })),
      }),
    ),
    fieldOverrides: z.array(z.looseObject({ collectionGroup: z.string(), fieldPath: z.string() })),
  })
  .parse(JSON.parse(readFileSync(path, 'utf8')))

test('usage records have an index for the tenant alone and with each filter of a query, newest first, and for each chain', () => {
  const ofUsage = indexes
    .filter(({ collectionGroup }) => collectionGroup === 'tool_usage')
    .map(({ fields }) => fields.map(({ fieldPath, order }) => `${fieldPath} ${order}`).join(', '))
  expect(ofUsage).toEqual([
    'tenantId ASCENDING, atMs DESCENDING',
    'tenantId ASCENDING, subject ASCENDING, atMs DESCENDING',
    'tenantId ASCENDING, target ASCENDING, atMs DESCENDING',
    'tenantId ASCENDING, server ASCENDING, atMs DESCENDING',
    'tenantId ASCENDING, outcome ASCENDING, atMs DESCENDING',
    'writer ASCENDING, seq ASCENDING',
  ])
})

test('usage records have no index that grows with time alone', () => {
  for (const fieldPath of ['atMs', 'expireAt'])
    expect(fieldOverrides).toContainEqual(
      expect.objectContaining({ collectionGroup: 'tool_usage', fieldPath, indexes: [] }),
    )
})

test('values of state have no index, which would keep copies of them', () => {
  expect(fieldOverrides).toContainEqual({
    collectionGroup: 'gateway_state',
    fieldPath: 'value',
    indexes: [],
  })
})

test('usage records, state, and what replicas send each other end with expireAt', () => {
  expect(fieldOverrides.filter(({ ttl }) => ttl === true)).toEqual([
    { collectionGroup: 'tool_usage', fieldPath: 'expireAt', ttl: true, indexes: [] },
    { collectionGroup: 'audit_checkpoints', fieldPath: 'expireAt', ttl: true, indexes: [] },
    { collectionGroup: 'gateway_state', fieldPath: 'expireAt', ttl: true, indexes: [] },
    { collectionGroup: 'gateway_replicas', fieldPath: 'expireAt', ttl: true, indexes: [] },
    { collectionGroup: 'mail', fieldPath: 'expireAt', ttl: true, indexes: [] },
    { collectionGroup: 'gateway_catalog', fieldPath: 'expireAt', ttl: true, indexes: [] },
  ])
})
