import { expect, test } from '@jest/globals'
import { assert, constantFrom, option, property, record } from 'fast-check'
import { commitmentOf } from '../../../src/audit/chain/link.ts'
import { erasedRecord, partsOf, recordText } from '../../../src/audit/chain/record-text.ts'
import { asStored, usageRecord } from '../../support/usage-records.ts'
import { anyText } from '../../support/shared/any-text.ts'

const texts = anyText({ maxLength: 30 })
const records = record({
  subject: texts,
  target: texts,
  tenantId: texts,
  agent: option(texts),
  server: option(texts),
  action: constantFrom('call', 'read', 'list', 'server.replace'),
  clientName: option(texts),
  change: option(record({ subject: texts, responseBytes: texts }), { nil: undefined }),
}).map((fields) => asStored(usageRecord({ ...fields, roles: ['reader', ',"subject":'] })))

test('a record is stored in the order in which it is hashed', () => {
  assert(property(records, (given) => expect(JSON.stringify(given)).toBe(recordText(given))))
})

test('whatever its texts are, a record is one public and one personal part, and an erased one has the same public part', () => {
  assert(
    property(records, (given) => {
      const parts = partsOf(recordText(given))
      const { open = '', personal = '' } = parts ?? {}
      expect(`{${open},${personal}}`).toBe(recordText(given))
      expect(personal.startsWith(`"subject":${JSON.stringify(given.subject)}`)).toBe(true)
      const erased = erasedRecord(given, { commitment: commitmentOf('salt', personal), by: 'act' })
      expect(partsOf(recordText(erased))).toEqual({
        open,
        personal: undefined,
        erased: { commitment: commitmentOf('salt', personal), by: 'act' },
      })
    }),
  )
})

test('what a person wrote is personal, and the names of tools and servers are not', () => {
  const openOf = (changes: Parameters<typeof usageRecord>[0]): string =>
    partsOf(recordText(asStored(usageRecord(changes))))?.open ?? ''
  expect(openOf({ target: 'files_read' })).toContain('files_read')
  expect(openOf({ action: 'read', target: 'file:///home/ada/diary' })).not.toContain('diary')
  expect(openOf({ server: null, target: 'what is this' })).not.toContain('what is this')
  const { address, clientName, change } = {
    address: '10.1.2.3',
    clientName: 'adas-laptop',
    change: { of: 'bob' },
  }
  const open = openOf({ subject: 'ada', sessionId: 's-9', requestId: 'r-9', address, clientName, change })
  expect(open).not.toMatch(/ada|s-9|r-9|10\.1\.2\.3|adas-laptop|bob/)
})
