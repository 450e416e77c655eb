import { expect, test } from '@jest/globals'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import { discover, type Offer } from '../../../src/upstream/discovery/discovery.ts'
import { FakeConnection } from '../fake-connection.ts'

const ALL = { tools: {}, prompts: {} }

type Item = Record<string, unknown>

/** 60 KB of `{},`: 20,000 of them weigh 40,000, which count as 640,000 bytes of the 8 MiB of a server. */
function heavy(index: number): Item {
  return {
    name: `n${index}`,
    inputSchema: { type: 'object' },
    _meta: { x: Array.from({ length: 20_000 }, () => ({})) },
  }
}

function offerOf(answers: ConstructorParameters<typeof FakeConnection>[0], previous?: Offer): Promise<Offer> {
  const options = { timeoutMs: 1000, signal: new AbortController().signal, previous }
  return discover(new FakeConnection(answers, ALL), options)
}

test('the members and objects of definitions count on all pages of a list together, as 16 bytes each', async () => {
  let pages = 0
  const offer = await offerOf({
    'tools/list': () => {
      pages += 1
      return { tools: [heavy(pages * 2), heavy(pages * 2 + 1)], nextCursor: String(pages) }
    },
  })
  expect(offer.tools).toHaveLength(13)
  expect(pages).toBe(7)
  expect(offer.problems).toEqual(['tools/list: only the first 8 MiB are used'])
})

test('they count in all lists of a server together, of which one may be what was listed before', async () => {
  const ten = Array.from({ length: 10 }, (_, index) => heavy(index))
  const first = await offerOf({
    'tools/list': () => ({ tools: [] }),
    'prompts/list': () => ({ prompts: ten }),
  })
  expect(first.prompts).toHaveLength(10)
  const later = await offerOf(
    {
      'tools/list': () => ({ tools: ten }),
      'prompts/list': () => {
        throw new GatewayError('upstream_unavailable')
      },
    },
    first,
  )
  expect(later.tools).toHaveLength(10)
  expect(later.prompts).toHaveLength(3)
})

test('many small definitions count as what they are', async () => {
  const tools = Array.from({ length: 10_000 }, (_, index) => ({
    name: `n${index}`,
    description: 'x'.repeat(700),
    inputSchema: { type: 'object', properties: { path: { type: 'string', description: 'A path.' } } },
  }))
  const offer = await offerOf({ 'tools/list': () => ({ tools }) })
  expect(offer.tools).toHaveLength(10_000)
  expect(offer.problems).toEqual([])
})
