import { execFileSync } from 'node:child_process'
import { expect, test } from '@jest/globals'

const heap = new URL('../../src/config/heap.ts', import.meta.url).href

/** What a process prints that runs this script, with functions of V8 for its own tests. */
function printed(script: string): string {
  const { NODE_COMPILE_CACHE: _cache, NODE_OPTIONS: _options, ...env } = process.env
  const args = ['--allow-natives-syntax', '--input-type=module', '-e', script]
  return execFileSync(process.execPath, args, { env, encoding: 'utf8' }).trim()
}

test('an object is made among the young ones, however long those that the same code made before have lived', () => {
  const script = `
    const { keepRequestsYoung } = await import('${heap}')
    keepRequestsYoung({})
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
    const { keepRequestsYoung } = await import('${heap}')
    const { cachedDataVersionTag } = await import('node:v8')
    const before = cachedDataVersionTag()
    keepRequestsYoung({ NODE_COMPILE_CACHE: '/nowhere' })
    console.log(cachedDataVersionTag() === before)
    keepRequestsYoung({})
    console.log(cachedDataVersionTag() === before)`
  expect(printed(script)).toBe('true\nfalse')
})
