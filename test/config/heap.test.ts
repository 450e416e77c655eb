import { execFileSync } from 'node:child_process'
import { describe, expect, test } from '@jest/globals'
import { YoungGrowth } from '../../src/config/heap.ts'

const heap = new URL('../../src/config/heap.ts', import.meta.url).href

/** What a process prints that runs this script, with functions of V8 for its own tests. */
function printed(script: string): string {
  const { NODE_COMPILE_CACHE: _cache, NODE_OPTIONS: _options, ...env } = process.env
  const args = ['--allow-natives-syntax', '--expose-gc', '--input-type=module', '-e', script]
  return execFileSync(process.execPath, args, { env, encoding: 'utf8' }).trim()
}

test('an object is made among the young ones, however long those that the same code made before have lived', () => {
  const script = `
    const { setUpHeap } = await import('${heap}')
    setUpHeap({})
    const make = (number) => [number, number, number, number]
    const kept = []
    for (let number = 0; number < 2_000_000; number += 1) {
      kept.push(make(number))
      if (kept.length > 1_000_000) kept.length = 0
    }
    console.log(%InYoungGeneration(make(1)))`
  expect(printed(script)).toBe('true')
})

test('flags stay as they are where Node has opened a compile cache with them', () => {
  const script = `
    const { setUpHeap } = await import('${heap}')
    const { cachedDataVersionTag } = await import('node:v8')
    const before = cachedDataVersionTag()
    setUpHeap({ NODE_COMPILE_CACHE: '/nowhere' })
    console.log(cachedDataVersionTag() === before)
    setUpHeap({})
    console.log(cachedDataVersionTag() === before)`
  expect(printed(script)).toBe('true\nfalse')
})

/** How many full collections there are while a script runs, behind another, in a process that has set up its heap or has not. */
function fullCollections(isSetUp: boolean, script: string, before = ''): number {
  const count = printed(`
    const { PerformanceObserver, constants } = await import('node:perf_hooks')
    const { setUpHeap } = await import('${heap}')
    if (${isSetUp}) setUpHeap({})
    const kept = Array.from({ length: 300_000 }, (_, number) => ({ number, list: [number, number] }))
    ${before}
    let full = 0
    const seen = new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries()) full += detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR ? 1 : 0
    })
    seen.observe({ entryTypes: ['gc'] })
    ${script}
    console.log(kept.length === 300_000 ? full : NaN)`)
  return Number(count)
}

test('a gigabyte that passes in chunks of 64 KB causes at most a quarter of the full collections that it would cause', () => {
  const passing = `
    const passing = []
    for (let count = 0; count < 16_000; count += 1) {
      passing.push(Buffer.allocUnsafeSlow(65_536))
      if (passing.length > 100) passing.shift()
      if (count % 16 === 0) await new Promise(setImmediate)
    }`
  // On a busy machine V8's threads are late, and it begins one more now and then.
  const [, median = NaN] = [1, 2, 3].map(() => fullCollections(true, passing)).toSorted((a, b) => a - b)
  expect(median).toBeLessThanOrEqual(fullCollections(false, passing) / 4)
})

test('a burst after a rest causes no full collection, which it would cause', () => {
  const burst = `
    const passing = []
    for (let count = 0; count < 2000; count += 1) {
      passing.push(Array.from({ length: 1000 }, (_, number) => ({ count, number, text: 'x' + number })))
      if (passing.length > 10) passing.length = 0
      await new Promise(setImmediate)
    }`
  // There is little that is young then, and little that the old generation may grow by.
  const rest = `gc({ type: 'major', flavor: 'last-resort' })`
  expect(fullCollections(true, burst, rest)).toBe(0)
  expect(fullCollections(false, burst, rest)).toBeGreaterThan(0)
})

/** The largest size of the young generation, in MB, while arrays come and stay, and whether the flags are as before in the end. */
function largestYoung(env: string): string {
  return printed(`
    const { boundYoung } = await import('${heap}')
    const { cachedDataVersionTag, getHeapSpaceStatistics } = await import('node:v8')
    const before = cachedDataVersionTag()
    const end = boundYoung(${env})
    const kept = []
    let largest = 0
    for (let round = 0; round < 60; round += 1) {
      // In pieces, and few: a large array, or much that stays, is a reason for a collection of all, which starts again.
      for (let piece = 0; piece < 100; piece += 1)
        kept.push(Array.from({ length: 1000 }, (_, number) => [number, number, number, number]))
      if (kept.length > 500) kept.length = 0
      // The observer of collections is told some turns later.
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
      const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')
      const size = young.space_size / 2 ** 20
      // While V8 gives pages back, the size lies between two powers of two; in the next round it is settled.
      if (Number.isInteger(Math.log2(size))) largest = Math.max(largest, size)
    }
    end()
    console.log(largest, cachedDataVersionTag() === before)`)
}

test('the young generation takes 32 MB where it would take 64, and the flags are as before in the end', () => {
  expect(largestYoung('{}')).toBe('32 true')
})

test('the young generation is not bounded where a flag of V8 says how much it may take', () => {
  expect(largestYoung(`{ NODE_OPTIONS: '--max-semi-space-size=64' }`)).toMatch(/^(64|128) true$/)
})

describe('a young generation of 32 MB', () => {
  const MB = 2 ** 20

  test('grows no further because of a start and a burst, however many collections these take', () => {
    const growth = new YoungGrowth()
    for (let count = 0; count < 200; count += 1) growth.collected(count * 100)
    expect([growth.mayGrow(32 * MB), growth.mayGrow(16 * MB)]).toEqual([false, true])
  })

  test('grows while it is collected in 30 seconds of a minute, and not with less', () => {
    const growth = new YoungGrowth()
    for (let count = 0; count < 40; count += 1) growth.collected(count * 2000)
    expect(growth.mayGrow(32 * MB)).toBe(true)
    growth.collected(82_000)
    expect(growth.mayGrow(32 * MB)).toBe(false)
  })
})
