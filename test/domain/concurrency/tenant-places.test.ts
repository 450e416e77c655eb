import { expect, test } from '@jest/globals'
import { TenantPlaces } from '../../../src/domain/concurrency/tenant-places.ts'

test('a tenant has its places and no more, others have theirs, and a place that is given back is free once', () => {
  const places = new TenantPlaces({ ofTenant: 2, ofAll: 3 })
  const first = places.take('acme')
  expect(places.take('acme')).toBeDefined()
  expect(places.take('acme')).toBeUndefined()
  expect(places.take('globex')).toBeDefined()
  expect(places.take('globex')).toBeUndefined()
  first?.()
  first?.()
  expect(places.take('acme')).toBeDefined()
  expect(places.take('acme')).toBeUndefined()
  expect(places.take('globex')).toBeUndefined()
})
