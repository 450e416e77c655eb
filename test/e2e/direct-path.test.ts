import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { canonicalJson, isJsonObject } from '../../src/domain/json/json.ts'
import { eventually } from '../support/eventually.ts'
import { anyCall, everyAnswer, listCalls, plainCall } from '../support/direct-path/calls.ts'
import { withoutOwn } from '../support/direct-path/own-parts.ts'
import { type Outcome, PathSide, type SentCall } from '../support/direct-path/sides.ts'
import { soak } from '../support/soak.ts'
import type { Received } from '../support/direct-path/scripted-http.ts'

type Fields = Record<string, unknown>

const CALLS = soak(10_000, 80)
const SEED = Number(process.env['SEED'] ?? 20_260_728)

/** Headers of requests to servers that differ, and why. */
const EXPLAINED = new Set([
  // The address of the server.
  'host',
  // Each gateway has an entry of its own.
  'via',
  // Two progress tokens have different lengths.
  'content-length',
  // The direct path takes no compressed responses, because it passes on their bytes.
  'accept-encoding',
  // What `fetch` adds, which says nothing about the request.
  'accept-language',
  'sec-fetch-mode',
  'user-agent',
  // `fetch` names what is the default of HTTP/1.1.
  'connection',
])

let direct: PathSide
let general: PathSide

beforeAll(async () => {
  direct = await PathSide.open('on')
  general = await PathSide.open('off')
})

afterAll(async () => {
  await direct.close()
  await general.close()
})

/** What callers and servers can tell of a call. */
function seen({ headers, received, ...outcome }: Outcome, call: SentCall): unknown {
  const { 'x-request-id': requestId, ...others } = headers
  const calls = received.map(plainly)
  const different = calls.filter(
    (one, at) => calls.findIndex((other) => isDeepStrictEqual(one, other)) === at,
  )
  const isNamed = (names: readonly string[]): boolean =>
    names.some((name) => call.path.includes(name) || call.body.includes(name))
  return withoutOwn({
    ...outcome,
    headers: {
      ...others,
      'x-request-id': ACCEPTED.test(call.headers['x-request-id'] ?? '') ? requestId : 'made',
    },
    received: isNamed(ENDED) ? 'perhaps' : different,
    count: isNamed([...REPEATED, ...ENDED]) ? 'any' : calls.length,
  })
}

/** Calls that a server may get once or twice. */
const REPEATED = [
  // What a server redirects it has not handled: the direct path asks it, and then the SDK again, which follows.
  'redirected',
  // A session counts as lost without a question when it is older than 10 s: both gateways open them at other times.
  'http404',
]

/** Calls whose time may be over before their server has got them. */
const ENDED = ['slow']

const ACCEPTED = /^[A-Za-z0-9._-]{1,64}$/

/** What a server got, without what every gateway and every request have their own. */
function plainly({ method, params, headers }: Received): Fields {
  const meta = params['_meta']
  const { progressToken: _own, ...kept } = isJsonObject(meta) ? meta : {}
  const others = Object.fromEntries(Object.entries(headers).filter(([name]) => !EXPLAINED.has(name)))
  return { method, params: { ...params, ...(meta !== undefined && { _meta: kept }) }, headers: others }
}

function lines(canonical: string): string[] {
  return JSON.stringify(JSON.parse(canonical), null, 1).split('\n')
}

/** The lines in which two values differ; undefined if they are equal. */
function difference(one: unknown, other: unknown): string | undefined {
  if (isDeepStrictEqual(one, other)) return undefined
  const texts = [canonicalJson(one), canonicalJson(other)] as const
  if (texts[0] === texts[1]) return undefined
  const [left, right] = [lines(texts[0]), lines(texts[1])]
  const only = (mine: string[], theirs: string[]): string =>
    mine
      .filter((line) => !theirs.includes(line))
      .join('\n')
      .slice(0, 500)
  return `direct:\n${only(left, right)}\ngeneral:\n${only(right, left)}`
}

function described({ path, token, headers, body }: SentCall): string {
  const text = body
    .toString()
    .replaceAll(/x{50,}/g, 'x…')
    .replaceAll(/[[{\\"a:]{30,}/g, '…')
  return `${path} ${token} ${JSON.stringify(headers)} ${text.slice(0, 600)} … ${text.slice(-200)}`
}

/** What both gateways recorded of a call. */
const RECORDED = ['action', 'target', 'server', 'effect', 'ruleId', 'outcome', 'code', 'requestBytes']
const recorded = (names: readonly string[], records: readonly Fields[] = []): unknown =>
  records.map((record) => Object.fromEntries(names.map((name) => [name, record[name]])))

/** Results as a server writes them: the direct path counts what it passes on, and the general path what it writes. */
const OWN_TEXT = /"raw":|__proto__/

test('callers, servers and records cannot tell which path a call has taken', async () => {
  const sampled = fc.sample(anyCall, { numRuns: CALLS, seed: SEED })
  const calls = [...everyAnswer, ...listCalls, ...sampled].map((call, index) => ({
    ...call,
    headers: { 'x-request-id': `r-${index}`, ...call.headers },
  }))
  const differences: string[] = []
  for (const call of calls) {
    const [one, other] = await Promise.all([direct.send(call), general.send(call)])
    const found = difference(seen(one, call), seen(other, call))
    if (found !== undefined) differences.push(`${described(call)}\n${found}`)
  }
  const [ours, theirs] = await Promise.all([direct.records(), general.records()])
  for (const call of calls) {
    const id = call.headers['x-request-id'] ?? ''
    const names = OWN_TEXT.test(call.body.toString()) ? RECORDED : [...RECORDED, 'responseBytes']
    const found = difference(recorded(names, ours.get(id)), recorded(names, theirs.get(id)))
    if (found !== undefined) differences.push(`record of ${described(call)}\n${found}`)
  }
  expect(differences.slice(0, 10)).toEqual([])
  const cancelled = ({ servers }: PathSide): number => servers.old.cancelled()
  // How many calls are cancelled on their way depends on the time that their servers have got them.
  await eventually(() => cancelled(direct) > 0 && cancelled(general) > 0, { what: 'cancellations' })
  expect(Math.min(cancelled(direct), cancelled(general))).toBeGreaterThan(0)
}, 600_000)

describe('what the paths answer differently', () => {
  const statuses = async (call: SentCall): Promise<number[]> =>
    (await Promise.all([direct.send(call), general.send(call)])).map(({ status }) => status)

  test('is an answer to another request, instead of which the general path waits for more', async () => {
    expect(await statuses(plainCall('rest', 'new', 'otherid'))).toEqual([503, 504])
  })

  test('is a broken answer with another one behind it, which only the general path waits for', async () => {
    expect(await statuses(plainCall('rest', 'new', 'brokenfirst'))).toEqual([502, 200])
  })
})
