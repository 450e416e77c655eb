import { describe, expect, test } from '@jest/globals'
import { Lifecycle } from '../src/lifecycle.ts'
import { FakeClock } from './support/fake-clock.ts'

const never = (): Promise<void> => new Promise(() => {})

describe('readiness', () => {
  test('is there while every condition holds, and names those that do not', () => {
    const lifecycle = new Lifecycle({ clock: new FakeClock() })
    expect(lifecycle.notReady()).toEqual([])
    let loaded = false
    lifecycle.readyWhen('registry', () => loaded)
    lifecycle.readyWhen('audit', () => true)
    expect(lifecycle.notReady()).toEqual(['registry'])
    loaded = true
    expect(lifecycle.notReady()).toEqual([])
    loaded = false
    expect(lifecycle.notReady()).toEqual(['registry'])
  })

  test('is not touched by what is stale, which is named', () => {
    const lifecycle = new Lifecycle({ clock: new FakeClock() })
    let isStale = true
    lifecycle.staleWhen('registry', () => isStale)
    expect([lifecycle.notReady(), lifecycle.stale()]).toEqual([[], ['registry']])
    isStale = false
    expect(lifecycle.stale()).toEqual([])
  })

  test('ends permanently when the process stops, before anything is closed', async () => {
    const lifecycle = new Lifecycle({ clock: new FakeClock() })
    lifecycle.readyWhen('registry', () => true)
    let seen: string[] = []
    lifecycle.onClose('server', () => {
      seen = lifecycle.notReady()
    })
    expect(lifecycle.isStopping).toBe(false)
    await lifecycle.close(1000)
    expect(seen).toEqual(['stopping'])
    expect(lifecycle.isStopping).toBe(true)
    lifecycle.stopAccepting()
    expect(lifecycle.notReady()).toEqual(['stopping'])
  })
})

describe('close', () => {
  test('closes what was opened last first, one after the other', async () => {
    const lifecycle = new Lifecycle({ clock: new FakeClock() })
    const steps: string[] = []
    for (const name of ['store', 'log', 'server']) {
      lifecycle.onClose(name, async () => {
        steps.push(`${name} closing`)
        await Promise.resolve()
        steps.push(`${name} closed`)
      })
    }
    expect(await lifecycle.close(1000)).toEqual([])
    expect(steps).toEqual([
      'server closing',
      'server closed',
      'log closing',
      'log closed',
      'store closing',
      'store closed',
    ])
  })

  test('closes lanes at the same time, and closers without a lane after all lanes before them', async () => {
    const clock = new FakeClock()
    const lifecycle = new Lifecycle({ clock })
    const steps: string[] = []
    const after = (name: string, ms: number) => async () => {
      await new Promise<void>((resolve) => void clock.after(ms, resolve))
      steps.push(name)
    }
    lifecycle.onClose('folder', after('folder', 0))
    lifecycle.onClose('store', after('store', 100), { lane: 'records' })
    lifecycle.onClose('log', after('log', 100), { lane: 'records' })
    lifecycle.onClose('children', after('children', 150), { lane: 'servers' })
    lifecycle.onClose('calls', after('calls', 100))
    const closing = lifecycle.close(1000)
    await clock.advance(300)
    expect(await closing).toEqual([])
    expect(steps).toEqual(['calls', 'log', 'children', 'store', 'folder'])
  })

  test('continues after a failure and reports it', async () => {
    const lifecycle = new Lifecycle({ clock: new FakeClock() })
    const closed: string[] = []
    lifecycle.onClose('first', () => void closed.push('first'))
    lifecycle.onClose('throws', () => {
      throw new Error('sync')
    })
    lifecycle.onClose('rejects', () => Promise.reject(new Error('async')))
    expect(await lifecycle.close(1000)).toEqual([
      { name: 'rejects', error: new Error('async') },
      { name: 'throws', error: new Error('sync') },
    ])
    expect(closed).toEqual(['first'])
  })

  test('has one deadline for everything, and still asks the rest to close', async () => {
    const clock = new FakeClock()
    const lifecycle = new Lifecycle({ clock })
    let asked = false
    lifecycle.onClose('hangs too', never)
    lifecycle.onClose('last', () => {
      asked = true
    })
    lifecycle.onClose('hangs', never)
    const closing = lifecycle.close(1000)
    await clock.advance(999)
    expect(asked).toBe(false)
    await clock.advance(1)
    expect(asked).toBe(true)
    expect(await closing).toEqual([
      { name: 'hangs', error: new Error('not closed in time') },
      { name: 'hangs too', error: new Error('not closed in time') },
    ])
    expect(clock.pending).toBe(0)
  })

  test('gives the rest the time that is left', async () => {
    const clock = new FakeClock()
    const lifecycle = new Lifecycle({ clock })
    lifecycle.onClose('hangs', never)
    lifecycle.onClose('slow', () => new Promise((resolve) => void clock.after(600, resolve)))
    const closing = lifecycle.close(1000)
    await clock.advance(1000)
    expect(await closing).toEqual([{ name: 'hangs', error: new Error('not closed in time') }])
  })

  test('closes everything once, however often it is called', async () => {
    const lifecycle = new Lifecycle({ clock: new FakeClock() })
    let closes = 0
    lifecycle.onClose('server', () => {
      closes += 1
    })
    await Promise.all([lifecycle.close(1000), lifecycle.close(1000)])
    await lifecycle.close(1000)
    expect(closes).toBe(1)
  })

  test('also closes what was opened while it was closing', async () => {
    const lifecycle = new Lifecycle({ clock: new FakeClock() })
    const closed: string[] = []
    lifecycle.onClose('server', () => {
      lifecycle.onClose('late', () => void closed.push('late'))
    })
    await lifecycle.close(1000)
    expect(closed).toEqual(['late'])
  })
})
