import { expect, test } from '@jest/globals'
import { Turns } from '../../../src/domain/concurrency/turns.ts'

/** What began in each turn of the event loop. */
async function begun(turns: Turns, tenants: string): Promise<string[]> {
  const rounds: string[] = []
  let turn = 0
  let clock: NodeJS.Immediate
  const tick = (): void => {
    turn += 1
    clock = setImmediate(tick)
  }
  clock = setImmediate(tick)
  await Promise.all(
    Array.from(tenants, async (tenant) => {
      await turns.next(tenant)
      rounds[turn] = `${rounds[turn] ?? ''}${tenant}`
    }),
  )
  clearImmediate(clock)
  return rounds
}

test('so many begin in one turn of the event loop, and the others in the next ones', async () => {
  expect(await begun(new Turns({ atOnce: 2 }), 'aaaaa')).toEqual(['aa', 'aa', 'a'])
})

test('one tenant comes after the other, however many wait of one', async () => {
  const many = 'aaaaaaaabbc'
  expect((await begun(new Turns({ atOnce: 3 }), many)).join('')).toBe('aaaabcabaaa')
})

test('no work waits under low load', async () => {
  const turns = new Turns({ atOnce: 2 })
  let began = 0
  void turns.next('a').then(() => (began += 1))
  void turns.next('b').then(() => (began += 1))
  await Promise.resolve()
  expect(began).toBe(2)
})
