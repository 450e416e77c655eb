import { expect, test } from '@jest/globals'
import type { ToolsChanged } from '../../../src/catalog/pins/change-report.ts'
import { HeldToolsNotices } from '../../../src/features/approvals/held-tools-notices.ts'
import type { StateEntry, StateStore } from '../../../src/state/state-store.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { memoryState } from '../../support/memory-state.ts'
import { silentLogger } from '../../support/silent-logger.ts'

const clock = new FakeClock()

function replica(store: Pick<StateStore, 'put'>): { notices: HeldToolsNotices; sent: unknown[] } {
  const sent: unknown[] = []
  const notices = new HeldToolsNotices({
    notices: { send: (notice) => void sent.push(notice) },
    store,
    page: 'https://gateway.example/dashboard/approvals',
    clock,
    logger: silentLogger,
  })
  return { notices, sent }
}

const changed = (changes: Partial<ToolsChanged> = {}): ToolsChanged => ({
  tenantId: 'acme',
  server: 'files',
  policy: 'hold',
  tools: [
    { name: 'read', kind: 'changed', hash: 'aa' },
    { name: 'drop', kind: 'new', hash: 'bb' },
  ],
  ...changes,
})

test('tools that are held back are reported once, although two replicas see them', async () => {
  const store = memoryState(clock, new Map<string, StateEntry>())
  const [one, other] = [replica(store), replica(store)]
  one.notices.report(changed())
  other.notices.report(changed())
  await clock.advance(0)

  expect([...one.sent, ...other.sent]).toEqual([
    {
      id: expect.stringMatching(/^msg_[\w-]{43}$/),
      type: 'tools.held',
      data: {
        tenantId: 'acme',
        server: 'files',
        count: 2,
        tools: [
          { name: 'read', kind: 'changed', hash: 'aa' },
          { name: 'drop', kind: 'new', hash: 'bb' },
        ],
        url: 'https://gateway.example/dashboard/approvals',
      },
    },
  ])
})

test('under alert only changed ones are reported, under allow none, and a further change is another report', async () => {
  const { notices, sent } = replica(memoryState(clock))
  notices.report(changed({ policy: 'allow' }))
  notices.report(changed({ policy: 'alert', tools: [{ name: 'drop', kind: 'new', hash: 'bb' }] }))
  notices.report(changed({ policy: 'alert' }))
  notices.report(changed({ policy: 'alert', tools: [{ name: 'read', kind: 'changed', hash: 'cc' }] }))
  await clock.advance(0)

  expect(sent).toMatchObject([
    { type: 'tools.changed', data: { count: 1, tools: [{ name: 'read', hash: 'aa' }] } },
    { type: 'tools.changed', data: { count: 1, tools: [{ name: 'read', hash: 'cc' }] } },
  ])
})

test('it is reported, under the same id, where the store does not answer', async () => {
  const put = (): Promise<never> => Promise.reject(new Error('it is down'))
  const [one, other] = [replica({ put }), replica({ put })]
  one.notices.report(changed())
  other.notices.report(changed())
  await clock.advance(0)

  expect([one.sent, other.sent].map(({ length }) => length)).toEqual([1, 1])
  expect(one.sent).toEqual(other.sent)
})
