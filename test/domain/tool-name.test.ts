import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { SERVER_NAME } from '../../src/domain/documents/document-fields.ts'
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
    ['files', '查询', 'files_bcd6771e'],
    ['files', '___', 'files____'],
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
  const namesOf = (...names: string[]): [string, string][] =>
    [
      ...exposeAll(
        's',
        names.map((name) => ({ name })),
      ).exposed,
    ].map(([exposed, { name }]) => [name, exposed])

  test('have the hash of their own but for the one whose name needed no change', () => {
    expect(namesOf('a.b', 'a_b', 'a/b')).toEqual([
      ['a_b', 's_a_b'],
      ['a.b', 's_a_b_2e7336dc'],
      ['a/b', 's_a_b_c14cddc0'],
    ])
  })

  test('have it all when all were changed', () => {
    expect(namesOf('a.b', 'a/b')).toEqual([
      ['a.b', 's_a_b_2e7336dc'],
      ['a/b', 's_a_b_c14cddc0'],
    ])
  })

  test('have more of it where another one is called like that', () => {
    expect(namesOf('a.b', 'a_b', 'a_b_2e7336dc').map(([, exposed]) => exposed)).toEqual([
      's_a_b',
      's_a_b_2e7336dc',
      's_a_b_2e7336dc8eba87ef',
    ])
  })

  test('and are the same to the letter are one, also where their name had to be changed', () => {
    const items = [{ name: 'a.b' }, { name: 'a.b' }, { name: 'a/b' }]
    expect(exposeAll('s', items).refused).toEqual([
      { name: 'a.b', reason: 'its name s_a_b is already taken by a.b' },
    ])
    expect(namesOf('a.b', 'a.b', 'a/b')).toEqual([
      ['a.b', 's_a_b_2e7336dc'],
      ['a/b', 's_a_b_c14cddc0'],
    ])
  })

  test('and are the same to the letter are one, the first', () => {
    const first = { name: 'a' }
    const { exposed, refused } = exposeAll('s', [first, { name: 'a' }])
    expect(exposed.get('s_a')).toBe(first)
    expect(refused).toEqual([{ name: 'a', reason: 'its name s_a is already taken by a' }])
  })

  test('are never one, none is lost, all names are legal, and no order decides', () => {
    fc.assert(
      fc.property(serverName, fc.uniqueArray(itemName), (server, names) => {
        const items = names.map((name) => ({ name }))
        const { exposed, refused } = exposeAll(server, items)
        expect(refused).toEqual([])
        expect(exposed.size).toBe(names.length)
        for (const name of exposed.keys()) expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
        const reversed = [...exposeAll(server, items.toReversed()).exposed].map(([name, item]) => [
          name,
          item.name,
        ])
        const given = [...exposed].map(([name, item]) => [name, item.name])
        expect(new Map(reversed as [string, string][])).toEqual(new Map(given as [string, string][]))
      }),
    )
  })

  test('keep apart what no character of Unicode stands for', () => {
    expect(namesOf('\ud800', '\ud801').map(([, exposed]) => exposed)).toHaveLength(2)
  })
})
