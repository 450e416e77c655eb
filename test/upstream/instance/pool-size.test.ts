import { expect, test } from '@jest/globals'
import { type PoolSize, sizeOf } from '../../../src/upstream/instance/pool-size.ts'
import { definitionAt, shownUrl, targetsOf } from '../../../src/upstream/instance/targets.ts'
import { processServer, server } from '../world.ts'

function processes(fields: Record<string, unknown>, isSolo = false): [number, number] {
  const { min, max }: PoolSize = sizeOf(processServer(fields), { isSolo })
  return [min, max]
}

test('there is one process, unless the document asks for more: many keep state', () => {
  expect(processes({})).toEqual([1, 1])
  expect(processes({ pool: { max: 4 } })).toEqual([1, 4])
  expect(processes({ pool: { min: 3 } })).toEqual([3, 3])
  expect(processes({ pool: { min: 5, max: 2 } })).toEqual([2, 2])
  expect(processes({ pool: { min: 0 } })).toEqual([0, 1])
  expect(processes({ lifecycle: { autoStart: false } })).toEqual([0, 1])
  expect(processes({ lifecycle: { autoStart: false }, pool: { min: 1 } })).toEqual([1, 1])
})

test('callers who need one and the same process get one', () => {
  expect(processes({ pool: { min: 2, max: 4 } }, true)).toEqual([1, 1])
  expect(processes({ pool: { min: 2, max: 4 }, sharing: 'session' })).toEqual([1, 1])
})

test('an instance takes 256 calls, a process that can get company 16, and 1000 wait for ten seconds, without a word in the document', () => {
  const waiting = { queueLimit: 1000, queueTimeoutMs: 10_000 }
  expect(sizeOf(processServer(), { isSolo: false })).toMatchObject({ callsPerInstance: 256, ...waiting })
  const several = processServer({ pool: { max: 2 } })
  expect(sizeOf(several, { isSolo: false })).toMatchObject({ callsPerInstance: 16, ...waiting })
  expect(sizeOf(several, { isSolo: true })).toMatchObject({ callsPerInstance: 256 })
  expect(sizeOf(server(), { isSolo: false })).toEqual({ min: 0, max: 1, callsPerInstance: 256, ...waiting })
  const own = { maxConcurrentPerInstance: 2, queueLimit: 3, queueTimeoutMs: 4 }
  expect(sizeOf(server({ pool: own }), { isSolo: false })).toMatchObject({
    callsPerInstance: 2,
    queueLimit: 3,
    queueTimeoutMs: 4,
  })
})

test('every endpoint of a document is a server of its own, with everything else the same', () => {
  const both = server({
    url: undefined,
    headers: { a: 'b' },
    instances: [{ url: 'http://a.example/' }, { url: 'http://b.example/', weight: 3 }],
  })
  expect(targetsOf(both)).toEqual([
    { url: 'http://a.example/', weight: 1 },
    { url: 'http://b.example/', weight: 3 },
  ])
  const second = definitionAt(both, 'http://b.example/')
  expect(second).toMatchObject({ name: 'sample', url: 'http://b.example/', headers: { a: 'b' } })
  expect(second).not.toHaveProperty('instances')
  const single = server()
  expect(targetsOf(single)).toEqual([{ url: 'http://127.0.0.1:1/', weight: 1 }])
  expect(definitionAt(single, 'http://127.0.0.1:1/')).toBe(single)
  expect(targetsOf(processServer())).toEqual([])
  expect(shownUrl('http://a.example/mcp?key=1')).toBe('http://a.example/mcp')
})
