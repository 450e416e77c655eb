import { execFileSync } from 'node:child_process'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from '@jest/globals'
import {
  onAbort,
  PendingList,
  PendingPlace,
  Timeouts,
  TurnBatch,
} from '../../../src/domain/concurrency/waits.ts'
import { FakeClock } from '../../support/fake-clock.ts'

describe('the tasks of a turn of the event loop', () => {
  test('run behind its input, in the order in which they came', async () => {
    const batch = new TurnBatch(() => false)
    const ran: string[] = []
    batch.run(() => ran.push('first'))
    batch.run(() => {
      ran.push('second')
      batch.run(() => ran.push('of the next turn'))
    })
    batch.run(() => ran.push('third'))
    expect(ran).toEqual([])
    await turn()
    expect(ran).toEqual(['first', 'second', 'third'])
    await turn()
    expect(ran).toEqual(['first', 'second', 'third', 'of the next turn'])
  })

  test('run at once where each is alone, and behind those that wait', async () => {
    let isAlone = true
    const batch = new TurnBatch(() => isAlone)
    const ran: string[] = []
    batch.run(() => ran.push('alone'))
    expect(ran).toEqual(['alone'])
    isAlone = false
    batch.run(() => ran.push('waits'))
    isAlone = true
    batch.run(() => ran.push('waits behind it'))
    expect(ran).toEqual(['alone'])
    await turn()
    expect(ran).toEqual(['alone', 'waits', 'waits behind it'])
  })

  test('all run where one of them throws, and the process learns of it', () => {
    const waits = new URL('../../../src/domain/concurrency/waits.ts', import.meta.url).href
    const script = `
      const { TurnBatch } = await import('${waits}')
      process.on('uncaughtException', ({ message }) => console.log(message))
      const batch = new TurnBatch(() => false)
      batch.run(() => { throw new Error('broken') })
      batch.run(() => console.log('ran'))`
    const args = ['--input-type=module', '-e', script]
    expect(execFileSync(process.execPath, args, { encoding: 'utf8' })).toBe('ran\nbroken\n')
  })
})

describe('timeouts', () => {
  test('end each at its own time, by one timer', async () => {
    const clock = new FakeClock()
    const timeouts = new Timeouts(clock)
    const ended: string[] = []
    const end = (name: string) => (): void => void ended.push(`${name} at ${clock.monotonic()}`)
    timeouts.after(300, end('third'))
    timeouts.after(100, end('first'))
    await clock.advance(50)
    timeouts.after(150, end('second'))
    expect(clock.pending).toBe(1)
    await clock.advance(500)
    expect(ended).toEqual(['first at 100', 'second at 200', 'third at 300'])
    expect(clock.pending).toBe(0)
  })

  test('that are cancelled do not end, and the last one takes the timer with it', async () => {
    const clock = new FakeClock()
    const timeouts = new Timeouts(clock)
    const ended: string[] = []
    const first = timeouts.after(100, () => ended.push('first'))
    const second = timeouts.after(100, () => ended.push('second'))
    const third = timeouts.after(100, () => ended.push('third'))
    timeouts.cancel(first)
    timeouts.cancel(first)
    await clock.advance(99)
    timeouts.cancel(third)
    expect(clock.pending).toBe(1)
    await clock.advance(1)
    expect(ended).toEqual(['second'])
    timeouts.cancel(second)
    timeouts.cancel(timeouts.after(100, () => ended.push('fourth')))
    expect(clock.pending).toBe(0)
  })

  test('one whose task cancels another of the same time keeps that from ending', async () => {
    const clock = new FakeClock()
    const timeouts = new Timeouts(clock)
    const ended: string[] = []
    const first = timeouts.after(100, () => {
      ended.push('first')
      timeouts.cancel(second)
    })
    const second = timeouts.after(100, () => {
      ended.push('second')
      timeouts.cancel(first)
    })
    await clock.advance(100)
    expect(ended).toEqual(['first'])
  })

  test('may begin while others end', async () => {
    const clock = new FakeClock()
    const timeouts = new Timeouts(clock)
    const ended: number[] = []
    timeouts.after(100, () => timeouts.after(50, () => ended.push(clock.monotonic())))
    await clock.advance(200)
    expect(ended).toEqual([150])
  })
})

describe('a listener of an abort', () => {
  test('is called once, with all others that wait for the same signal', () => {
    const controller = new AbortController()
    const called: string[] = []
    onAbort(controller.signal, () => called.push('first'))
    onAbort(controller.signal, () => called.push('second'))
    controller.abort()
    controller.abort()
    expect(called).toEqual(['first', 'second'])
  })

  test('is not called when it does not wait any longer', () => {
    const controller = new AbortController()
    const called: string[] = []
    const stopFirst = onAbort(controller.signal, () => called.push('first'))
    onAbort(controller.signal, () => called.push('second'))
    stopFirst()
    stopFirst()
    onAbort(controller.signal, () => called.push('third'))
    controller.abort()
    expect(called).toEqual(['second', 'third'])
  })

  test('that another one removes while they are called is not called', () => {
    const controller = new AbortController()
    const called: string[] = []
    onAbort(controller.signal, () => {
      called.push('first')
      stopSecond()
    })
    const stopSecond = onAbort(controller.signal, () => called.push('second'))
    controller.abort()
    expect(called).toEqual(['first'])
  })
})

describe('a list of what is pending', () => {
  const all = (list: PendingList<string>): string[] => {
    const items: string[] = []
    for (let place = list.first; place !== undefined; place = place.next) items.push(place.item)
    return items
  }

  test('has the order in which things came, whichever of them leave and come again', () => {
    const list = new PendingList<string>()
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((item) => new PendingPlace(item)) as [
      PendingPlace<string>,
      PendingPlace<string>,
      PendingPlace<string>,
      PendingPlace<string>,
    ]
    for (const place of [a, b, c, d]) list.add(place)
    expect(list.remove(b)).toBe(true)
    expect(all(list)).toEqual(['a', 'c', 'd'])
    expect(list.remove(a)).toBe(true)
    expect(list.remove(d)).toBe(true)
    list.add(b)
    list.add(a)
    expect(all(list)).toEqual(['c', 'b', 'a'])
    expect(list.size).toBe(3)
  })

  test('takes each once and gives it back once', () => {
    const list = new PendingList<string>()
    const place = new PendingPlace('a')
    list.add(place)
    list.add(place)
    expect(list.size).toBe(1)
    expect(list.remove(place)).toBe(true)
    expect(list.remove(place)).toBe(false)
    expect([list.size, list.first]).toEqual([0, undefined])
  })

  test('keeps nothing of what has left, and what has left keeps nothing of the others', () => {
    const list = new PendingList<string>()
    const [a, b, c] = ['a', 'b', 'c'].map((item) => new PendingPlace(item)) as [
      PendingPlace<string>,
      PendingPlace<string>,
      PendingPlace<string>,
    ]
    for (const place of [a, b, c]) list.add(place)
    list.remove(b)
    expect([b.previous, b.next, a.next, c.previous]).toEqual([undefined, undefined, c, a])
  })
})
