import { expect, test } from '@jest/globals'
import { attention } from '../../src/dashboard/pages/attention.ts'
import type { ServerRow } from '../../src/dashboard/pages/servers/server-row.ts'
import type { Visit } from '../../src/dashboard/visit/visit.ts'

const visit = { look: { at: (path: string) => path } } as unknown as Visit
const waiting = { calls: 0, definitions: 0 }

function failing(count: number): ServerRow[] {
  return Array.from({ length: count }, (_, index) => {
    return { name: `server-${index}`, state: 'failed', isEnabled: true } as unknown as ServerRow
  })
}

test('up to six failing servers are named, and that there are more is said as soon as one is left out', () => {
  const six = String(attention({ servers: failing(6), quarantined: [], waiting }, visit))
  expect([six.includes('server-5'), six.includes('More servers need attention')]).toEqual([true, false])
  const seven = String(attention({ servers: failing(7), quarantined: [], waiting }, visit))
  expect([seven.includes('server-6'), seven.includes('More servers need attention')]).toEqual([false, true])
})

test('where nothing needs attention, nothing is shown', () => {
  expect(attention({ servers: [], quarantined: [], waiting }, visit)).toBeUndefined()
})
