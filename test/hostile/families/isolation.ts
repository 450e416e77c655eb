import { percentile } from '../../support/percentiles.ts'
import type { Family, Row } from '../row.ts'
import type { Reply } from '../world/send.ts'
import type { World } from '../world/world.ts'

const ROUNDS = 100
const MAX_DIFFERENCE_MS = 5

/** Pairs of what is denied and what is not there, in names of equal length. */
const PAIRS: Readonly<Record<string, readonly [string, string]>> = {
  'a server without a role': ['hidden_say', 'absent_say'],
  'a tool that the server does not have': ['hidden_abc', 'absent_abc'],
  'a server of another tenant': ['canary_say', 'absent_say'],
}

const WAYS: Readonly<Record<string, (world: World, name: string, id: string) => Promise<Reply>>> = {
  REST: (world, name, id) => world.call(name, {}, id),
  'the description over REST': (world, name, id) => world.get(`/v1/tools/${name}`, { 'x-request-id': id }),
  'a session': async (world, name, id) =>
    world.post(
      '/mcp',
      JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } }),
      { ...(await world.inSession()), 'x-request-id': id },
    ),
  'MCP 2026-07-28': (world, name, id) => world.modern('tools/call', { name, arguments: {} }, id),
}

/** Whether an answer tells what is denied from what is not there: by its bytes, its headers or its time. */
async function compare(
  ask: (name: string) => Promise<Reply>,
  [denied, absent]: readonly [string, string],
): Promise<Reply> {
  const times: [number[], number[]] = [[], []]
  const texts = new Set<string>()
  for (let round = 0; round < ROUNDS; round += 1) {
    const replies = [await ask(denied), await ask(absent)]
    for (const [at, { status, headers, text, ms }] of replies.entries()) {
      times[at === 0 ? 0 : 1].push(ms)
      const names = Object.keys(headers).toSorted().join()
      texts.add(
        `${status} ${names} ${withoutStreamIds(text).replaceAll(denied, 'NAME').replaceAll(absent, 'NAME')}`,
      )
    }
  }
  const [one, other] = times.map((each) => percentile(each, 0.5))
  const apart = Math.abs((one ?? 0) - (other ?? 0))
  const said =
    texts.size > 1
      ? `${texts.size} different answers: ${[...texts].join(' | ')}`
      : apart > MAX_DIFFERENCE_MS
        ? `told apart by ${apart.toFixed(1)} ms`
        : 'not told apart'
  return { status: 0, headers: {}, text: '', ms: 0, said }
}

/** Events have ids of their own. */
function withoutStreamIds(text: string): string {
  return text.replaceAll(/^id: .*$/gm, 'id').replaceAll(/"requestId":"[^"]*"/g, '"requestId":""')
}

const ROWS: readonly Row[] = Object.entries(PAIRS).flatMap(([what, names]) =>
  Object.entries(WAYS).map(([way, ask]): Row => ({
    what: `${what}, by ${way}`,
    send: (world, id) => compare((name) => ask(world, name, `${id}-x`), names),
    answer: 'not told apart',
    records: 0,
  })),
)

/** What is denied and what does not exist. */
export const isolation: Family = { name: 'denied and unknown', isTimed: true, rows: () => ROWS }
