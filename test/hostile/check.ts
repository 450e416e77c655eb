import { isDeepStrictEqual } from 'node:util'
import type { Row } from './row.ts'
import { shown } from './shown.ts'
import type { Reply } from './world/send.ts'
import type { Vitals } from './world/gateway.ts'
import type { World } from './world/world.ts'

/** What an answer must never have: stacks, files of the gateway, and secrets that were planted. */
const LEAKS = [
  /\n\s+at .+:\d+:\d+/,
  /node_modules/,
  /\/src\/[a-z-]+\//,
  /S3CR3T/,
  /tool-gateway-hostile-/,
  /root:.*:0:0/,
]

const MAX_REFUSAL = 4096
const MAX_GROWTH_MB = 64
const MAX_BLOCKED_MS = 250

/** What came of a row. */
export interface Outcome {
  readonly family: string
  readonly row: Row
  readonly requestId: string
  readonly got: string | readonly string[]
  readonly problems: string[]
  readonly ms: number
}

/** Sends a row and checks all that can be checked at once; usage records are counted when all rows were sent. */
export async function run(
  family: string,
  row: Row,
  world: World,
  { requestId, isAnyTime }: { readonly requestId: string; readonly isAnyTime: boolean },
): Promise<Outcome> {
  const before = world.upstreams.calls
  const vitals = row.isBounded === true && !isAnyTime ? await world.gateway.vitals() : undefined
  const started = performance.now()
  const sent = await row.send(world, requestId)
  const ms = performance.now() - started
  const replies: readonly Reply[] = Array.isArray(sent) ? (sent as readonly Reply[]) : [sent as Reply]
  const lines = replies.map(shown).map((line) => line.replaceAll(requestId, '{id}'))
  const got = Array.isArray(sent) ? lines : (lines[0] ?? '')
  const calls = world.upstreams.calls - before
  const problems = [
    ...differences(row, { got, calls, ms: isAnyTime ? 0 : ms }),
    ...(vitals === undefined ? [] : excessOf(vitals, await world.gateway.vitals())),
    ...leaksIn(replies),
    ...longIn(replies),
    ...(world.gateway.isAlive ? [] : ['THE GATEWAY ENDED']),
  ]
  return { family, row, requestId, got, problems, ms }
}

function leaksIn(replies: readonly Reply[]): string[] {
  const all = replies.map(({ headers, text }) => JSON.stringify(headers) + text).join('\n')
  return LEAKS.flatMap((leak) => {
    const found = leak.exec(all)
    return found === null ? [] : [`the answer has ${JSON.stringify(found[0].slice(0, 100))}`]
  })
}

/** Where what came of a row is not what has to come of it. */
function differences(
  { answer, otherwise, calls = 0, withinMs = Number.POSITIVE_INFINITY }: Row,
  came: { readonly got: Outcome['got']; readonly calls: number; readonly ms: number },
): string[] {
  const texts = [came.got, answer].map((value) => JSON.stringify(value))
  return [
    ...(came.got === otherwise || isDeepStrictEqual(came.got, answer)
      ? []
      : [`answered ${texts[0]}\n      expected ${texts[1]}`]),
    ...(came.calls === calls ? [] : [`${came.calls} calls reached a server, expected ${calls}`]),
    ...(came.ms <= withinMs ? [] : [`took ${Math.round(came.ms)} ms of ${withinMs}`]),
  ]
}

/** What a call cost the gateway beyond what one may. */
function excessOf(before: Vitals, after: Vitals): string[] {
  const grown = after.peakMb - before.rssMb
  return [
    ...(grown > MAX_GROWTH_MB ? [`memory grew by ${grown} MB, at most ${MAX_GROWTH_MB}`] : []),
    ...(after.blockedMs > MAX_BLOCKED_MS ? [`the event loop was blocked for ${after.blockedMs} ms`] : []),
  ]
}

/** A refusal that repeats what it refuses makes much of little. */
function longIn(replies: readonly Reply[]): string[] {
  const { text, status } = replies.toSorted((a, b) => b.text.length - a.text.length)[0] ?? {
    text: '',
    status: 0,
  }
  const isRefusal = (status >= 400 || text.includes('"error":')) && !text.includes('"upstream_error"')
  return isRefusal && text.length > MAX_REFUSAL ? [`the refusal has ${text.length} characters`] : []
}

/** Adds to the outcomes what is wrong with their usage records. */
export async function checkRecords(outcomes: readonly Outcome[], world: World): Promise<void> {
  const records = await world.records()
  for (const { row, requestId, problems } of outcomes) {
    const expected = row.records ?? row.calls ?? 0
    const found = records.get(requestId) ?? 0
    if (found !== expected) problems.push(`${found} usage records, expected ${expected}`)
  }
}
