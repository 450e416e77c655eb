import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { SERVER_NAME } from '../../src/domain/server-definition.ts'
import { exposeAll, exposedName } from '../../src/domain/tool-name.ts'

const serverName = fc.stringMatching(SERVER_NAME)
const itemName = fc.oneof(
  fc.string({ maxLength: 100 }),
  fc.string({ unit: fc.constantFrom('a', 'b', '_', '.', '/'), maxLength: 80 }),
)

describe('an exposed name', () => {
  test.each([
    ['memory', 'read_graph', 'memory_read_graph'],
    ['files', 'read.file', 'files_read_file'],
    ['files', 'öffnen', 'files__ffnen'],
    ['s', 'x'.repeat(62), `s_${'x'.repeat(62)}`],
    ['s', 'x'.repeat(63), `s_${'x'.repeat(53)}_75220b47`],
    ['s'.repeat(40), `${'x'.repeat(63)}.`, `${'s'.repeat(40)}_${'x'.repeat(14)}_f23a4862`],
  ])('of %s and %s is %s', (server, name, exposed) => {
    expect(exposedName(server, name)).toBe(exposed)
  })

  test('is stable, legal, at most 64 characters, and starts with the server, which its first _ ends', () => {
    fc.assert(
      fc.property(serverName, itemName, (server, name) => {
        const exposed = exposedName(server, name)
        expect(exposed).toBe(exposedName(server, name))
        expect(exposed).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
        expect(exposed.split('_')[0]).toBe(server)
      }),
    )
  })

  test('keeps long names with a common start apart', () => {
    fc.assert(
      fc.property(serverName, fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (server, a, b) => {
        fc.pre(a !== b)
        return exposedName(server, 'x'.repeat(70) + a) !== exposedName(server, 'x'.repeat(70) + b)
      }),
    )
  })
})

describe('items that claim one name', () => {
  test('are refused but for the one whose name needed no change', () => {
    const { exposed, refused } = exposeAll('s', [{ name: 'a.b' }, { name: 'a_b' }, { name: 'a/b' }])
    expect([...exposed]).toEqual([['s_a_b', { name: 'a_b' }]])
    expect(refused).toEqual([
      { name: 'a.b', reason: 'its name s_a_b is already taken by a_b' },
      { name: 'a/b', reason: 'its name s_a_b is already taken by a_b' },
    ])
  })

  test('are refused but for the first when all were changed or all are the same', () => {
    expect(exposeAll('s', [{ name: 'a.b' }, { name: 'a/b' }]).refused.map(({ name }) => name)).toEqual([
      'a/b',
    ])
    const first = { name: 'a' }
    expect(exposeAll('s', [first, { name: 'a' }]).exposed.get('s_a')).toBe(first)
  })

  test('never make two items one, and none is lost without a word', () => {
    fc.assert(
      fc.property(serverName, fc.array(itemName), (server, names) => {
        const { exposed, refused } = exposeAll(
          server,
          names.map((name) => ({ name })),
        )
        expect(exposed.size + refused.length).toBe(names.length)
        for (const [name, item] of exposed) expect(name).toBe(exposedName(server, item.name))
        for (const { name } of refused) expect(exposed.has(exposedName(server, name))).toBe(true)
      }),
    )
  })
})
