import { createHash, randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { definitionHash } from '../../../src/catalog/pins/definition-hash.ts'
import { PinMemory } from '../../../src/catalog/pins/pin-memory.ts'
import { type Pin, PinStore } from '../../../src/catalog/pins/pin-store.ts'
import type { NamedItem } from '../../../src/upstream/discovery/listing.ts'
import { SqliteStateStore } from '../../../src/state/sqlite/sqlite-state-store.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { offer, server, tool } from '../../support/offers.ts'
import { type PinReplica, pinReplica } from '../../support/pin-replica.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const KEY = 'acme/alpha'
const MIB = 1024 * 1024
const OWNER = { server: { tenantId: 'acme', name: 'alpha' }, tenantId: 'acme' }

const root = await temporaryDirectory()
let made = 0
let store: SqliteStateStore
let opened: PinReplica[] = []

beforeEach(() => {
  made += 1
  store = new SqliteStateStore({ dir: `${root.path}/${made}`, clock: new FakeClock() })
})
afterEach(async () => {
  for (const { pins } of opened) pins.close()
  opened = []
  await store.close()
})
afterAll(async () => {
  await root[Symbol.asyncDispose]()
})

/** A replica that has read the pins for a server, and what that offers. */
async function replica(tools: readonly NamedItem[], toolChanges = 'alert'): Promise<PinReplica> {
  const one = pinReplica(store, server({ toolChanges }))
  opened.push(one)
  one.catalog.setOffer(KEY, offer({ tools }))
  await eventually(() => one.pins.of(KEY) !== undefined)
  return one
}

/** Waits until the store has pins for so many tools. */
async function stored(count: number): Promise<void> {
  await eventually(
    async () => (await new PinStore({ store }).load(OWNER.server)).pins.get('acme')?.size === count,
  )
}

/** The first names whose pins lie in one entry of the store. */
function namesIn(entry: string, count: number): string[] {
  return Array.from({ length: count * 40 }, (_, at) => `t${at}`)
    .filter((name) => createHash('sha256').update(name).digest('hex').startsWith(entry))
    .slice(0, count)
}

function pinned(definition: NamedItem): Pin {
  return { hash: definitionHash(definition), at: 0, definition }
}

const waiting = ({ pins }: PinReplica): string[] => [...(pins.of(KEY)?.waiting.keys() ?? [])]

describe('of a server that lists other tools each time', () => {
  test('only the definitions that it offers now are kept, and the hashes of all', async () => {
    const one = await replica([tool('first')])
    const texts = 'x'.repeat(62_000)
    for (let list = 0; list < 10; list += 1) {
      const tools = Array.from({ length: 128 }, (_, at) => tool(`g${list}t${at}`, { description: texts }))
      one.catalog.setOffer(KEY, offer({ tools }))
    }
    const pins = [...(one.pins.of(KEY)?.pins.get('acme') ?? [])]
    expect(pins).toHaveLength(1281)
    expect(pins.every(([name, pin]) => (pin.definition !== undefined) === name.startsWith('g9t'))).toBe(true)
    expect(pins.every(([, { hash }]) => hash.length === 64)).toBe(true)
  })

  test('the names that are kept have 8 MiB at most, and the oldest go', async () => {
    const one = await replica([tool('first')])
    for (let list = 0; list < 10; list += 1) {
      const long = Array.from({ length: 20 }, (_, at) => tool(`g${list}t${at}${'x'.repeat(60_000)}`))
      one.catalog.setOffer(KEY, offer({ tools: long }))
      await one.clock.advance(1)
    }
    const names = [...(one.pins.of(KEY)?.pins.get('acme')?.keys() ?? [])]
    expect(names).toHaveLength(69)
    expect(names).not.toContain('first')
    expect(names.filter((name) => name.startsWith('g9t'))).toHaveLength(20)
  })

  test('a definition that comes back is noticed when it is another', async () => {
    const one = await replica([tool('pay', { description: 'Pays.' })])
    one.catalog.setOffer(KEY, offer({ tools: [tool('other')] }))
    one.catalog.setOffer(KEY, offer({ tools: [tool('pay', { description: 'Pays evil.example.' })] }))
    expect(waiting(one)).toEqual(['pay'])
  })
})

describe('definitions that were changed', () => {
  const before = Array.from({ length: 12 }, (_, at) => tool(`t${at}`, { description: 'a'.repeat(MIB) }))
  const after = before.map(({ name }) => tool(name))
  const keptOf = (memory: PinMemory, key: string): number => {
    const pins = new Map([['acme', new Map(before.map((each) => [each.name, pinned(each)]))]])
    memory.fit(key, pins, 'acme', after)
    return [...(pins.get('acme')?.values() ?? [])].filter(({ definition }) => definition !== undefined).length
  }

  test('are kept up to 8 MiB for a server and 32 MiB for all', () => {
    const memory = new PinMemory()
    const kept = ['a/1', 'a/2', 'a/3', 'a/4', 'a/5', 'a/6'].map((key) => keptOf(memory, key))
    expect(kept).toEqual([7, 7, 7, 7, 3, 0])
    memory.forget('a/1')
    expect(keptOf(memory, 'a/6')).toBe(7)
  })

  test('are kept up to 256 KiB for a server whatever others have', () => {
    const memory = new PinMemory()
    for (let at = 0; at < 6; at += 1) keptOf(memory, `bad/${at}`)
    const small = tool('pay', { description: 'Pays.' })
    const pins = new Map([['acme', new Map([['pay', pinned(small)]])]])
    memory.fit(KEY, pins, 'acme', [tool('pay')])
    expect(pins.get('acme')?.get('pay')?.definition).toBe(small)
  })

  test('count as what they take in memory, not as JSON', () => {
    const empty = Array.from({ length: 100_000 }, () => ({}))
    const heavy = tool('heavy', { _meta: { empty } })
    const pins = new Map([['acme', new Map([['heavy', pinned(heavy)]])]])
    new PinMemory().fit(KEY, pins, 'acme', [tool('heavy')])
    expect(pins.get('acme')?.get('heavy')).toEqual({ hash: definitionHash(heavy), at: 0 })
  })
})

describe('pins in the store', () => {
  test('can be read whatever was written: definitions that are too much are left out', async () => {
    const tools = namesIn('0', 600).map((name) => tool(name, { description: 'x'.repeat(62_000) }))
    const pins = new Map([['acme', new Map(tools.map((each) => [each.name, pinned(each)]))]])
    const pinStore = new PinStore({ store })
    expect(await pinStore.save(OWNER, pins.get('acme')?.keys() ?? [], { pins, versions: new Map() })).toBe(
      true,
    )
    const read = [...((await pinStore.load(OWNER.server)).pins.get('acme')?.values() ?? [])]
    expect(read).toHaveLength(600)
    expect(read.every(({ hash, definition }) => hash.length === 64 && definition === undefined)).toBe(true)
  })

  const [lost = '', late = ''] = namesIn('0', 2)
  const [safe = ''] = namesIn('1', 1)

  /** A store in which one of two entries cannot be read. */
  async function damaged(text: string): Promise<void> {
    await replica([tool(lost), tool(safe)])
    await stored(2)
    const { entries } = await store.list('tool-pins', '', { limit: 10 })
    await store.put('tool-pins', String(entries.find(({ key }) => key.endsWith('/0'))?.key), text)
  }

  test.each([
    ['is no archive', 'junk'],
    ['is no JSON', 'H4sIAAAAAAAAA0vKKU0FALTKNp4EAAAA'],
  ])(
    'that lie in an entry that %s count as changed, and those of other entries stay',
    async (_what, text) => {
      await damaged(text)
      const next = await replica([tool(lost), tool(safe), tool(late)], 'hold')
      expect(next.tools()).toEqual([`alpha_${safe}`])
      expect(waiting(next)).toEqual([lost, late])
      expect(next.lines).toMatchObject([
        {
          level: 40,
          server: KEY,
          entries: 1,
          msg: expect.stringContaining('whether these tools have changed is not known'),
        },
        {
          count: 2,
          tools: [
            { tool: lost, pinned: '' },
            { tool: late, pinned: '' },
          ],
        },
      ])
    },
  )

  test('that cannot be read still wait for approval after the next restart, and those approved do not', async () => {
    await damaged('junk')
    const one = await replica([tool(lost), tool(safe), tool(late)])
    expect(waiting(one)).toEqual([lost, late])
    expect(one.tools()).toHaveLength(3)
    const expected = new Map([[late, definitionHash(tool(late))]])
    await one.pins.approve(KEY, { tenantId: 'acme', by: 'ann', expected })
    const next = await replica([tool(lost), tool(safe), tool(late)], 'hold')
    expect(waiting(next)).toEqual([lost])
  })

  test('are not replaced by what a server offers then, if none of them can be read', async () => {
    await replica([tool(lost)])
    await stored(1)
    const { entries } = await store.list('tool-pins', '', { limit: 10 })
    await store.put('tool-pins', String(entries[0]?.key), 'junk')
    const next = await replica([tool(safe)], 'hold')
    expect(next.tools()).toEqual([])
    expect(waiting(next)).toEqual([safe])
  })

  test('are refused with a clear error where the names of tools are too long for them', async () => {
    const one = await replica([tool(safe)], 'hold')
    const long = Array.from({ length: 200 }, () => tool(randomBytes(30_000).toString('base64')))
    one.catalog.setOffer(KEY, offer({ tools: long }))
    const expected = new Map(long.map((each) => [each.name, definitionHash(each)]))
    await expect(one.pins.approve(KEY, { tenantId: 'acme', by: 'ann', expected })).rejects.toMatchObject({
      code: 'state_unavailable',
      message: 'The names of these tools are too long for their pins to be kept',
    })
  })
})

test('the pins of a server are written one entry after the other, and others have their turn in between', async () => {
  let written = 0
  let most = 0
  const names = ['0', '5', 'a', 'f'].flatMap((entry) => namesIn(entry, 10))
  const counted = (name: string): Pin => {
    const toJSON = (): object => {
      written += 1
      return { name }
    }
    const definition = { ...tool(name), toJSON }
    return { hash: name, at: 0, definition }
  }
  let before = 0
  const watch = (): void => {
    most = Math.max(most, written - before)
    before = written
    if (written < 40) setImmediate(watch)
  }
  const pins = new Map([['acme', new Map(names.map((name) => [name, counted(name)]))]])
  const saving = new PinStore({ store }).save(OWNER, names, { pins, versions: new Map() })
  watch()
  expect(await saving).toBe(true)
  expect([written, most]).toEqual([40, 10])
})
