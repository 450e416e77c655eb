import { request } from 'undici'
import { type Spread, spreadOf } from '../comparison/figures.ts'
import { documentsOf, type Gateway, startGateway } from '../comparison/gateway.ts'
import { residentMb, usageOf } from '../comparison/process-usage.ts'
import { type Program, startProgram } from '../comparison/programs.ts'
import { aligned, written } from '../comparison/report.ts'
import { ENVELOPE, requestOf } from '../load/http-callers.ts'
import type { Scenario } from './scenario.ts'

const SIZES = [100, 2000, 10_000]
const SERVERS = 10
const DIGITS = Array.from({ length: 10 }, (_, digit) => digit)
const WARM_LISTS = 5

/** A whole list, page by page. */
interface Listed {
  readonly tools: number
  readonly bytes: number
  /** Time until the first page begins, in milliseconds. */
  readonly firstByteMs: number
  readonly totalMs: number
  readonly cpuMs: number
}

/** Lists of tools for ten roles, each of which sees nine tenths of the tools. */
export const listsScenario: Scenario = {
  name: 'lists',
  title: 'lists of 100, 2,000 and 10,000 tools for ten roles, the first one and those after it',
  run: async (_options, say) => {
    const upstream = await startProgram('http.ts')
    const lines = [['tools', 'list', 'seen', 'KB', 'first byte ms', 'whole ms', 'CPU ms', 'RSS MB']]
    const figures = []
    try {
      for (const size of SIZES) {
        say(`${size} tools of ${SERVERS} servers`)
        // oxlint-disable-next-line no-await-in-loop -- one gateway at a time
        const found = await measure(size, upstream)
        figures.push(found)
        lines.push(
          lineOf(size, 'first', found.cold, found.rssMb),
          lineOf(size, 'later', found.warm, found.rssMb),
        )
      }
    } finally {
      await upstream.close()
    }
    const heading =
      'tools/list of 2026-07-28, all pages, over ten roles: medians, with the smallest and the largest'
    return { text: `${heading}\n\n${aligned(lines)}`, figures: { lists: figures } }
  },
}

async function measure(
  size: number,
  upstream: Program,
): Promise<{ size: number; cold: Listed[]; warm: Listed[]; rssMb: number }> {
  const gateway = await startGateway(documents(size / SERVERS, upstream.url))
  try {
    // So that the first list of a role is new to the gateway and not to the compiler.
    const warmUp = await gateway.token('warm-up', ['auditor'])
    for (let index = 0; index < 3 * WARM_LISTS; index += 1) await list(gateway, warmUp)
    const [cold, warm]: [Listed[], Listed[]] = [[], []]
    for (const digit of DIGITS) {
      const token = await gateway.token(`reader-${digit}`, [`role-${digit}`])
      cold.push(await list(gateway, token))
      for (let index = 0; index < WARM_LISTS; index += 1) warm.push(await list(gateway, token))
    }
    return { size, cold, warm, rssMb: residentMb(gateway.pid) }
  } finally {
    await gateway.close()
  }
}

/** Servers whose tools each role sees but for those that end in its digit. */
function documents(tools: number, url: string): Record<string, unknown> {
  const rules = DIGITS.map((digit) => {
    const others = DIGITS.filter((each) => each !== digit).map((each) => `role-${each}`)
    return [`*${digit}`, { requiredRoles: ['auditor', ...others] }] as const
  })
  return documentsOf(SERVERS, (index) => ({
    transport: 'streamable-http',
    url: `${url}?tools=${tools}&server=${index}`,
    tools: Object.fromEntries(rules),
  }))
}

async function list(gateway: Gateway, token: string): Promise<Listed> {
  const before = usageOf(gateway.pid).ownUs
  const start = performance.now()
  let [tools, bytes, firstByteMs, cursor]: [number, number, number, string | undefined] = [0, 0, 0, '']
  while (cursor !== undefined) {
    const position: string = cursor === '' ? '' : `"cursor":${JSON.stringify(cursor)},`
    // oxlint-disable-next-line no-await-in-loop -- each page says where the next one begins
    const { statusCode, body } = await request(`${gateway.url}/mcp`, {
      method: 'POST',
      headers: {
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/list',
      },
      body: requestOf(1, 'tools/list', `{${position}"_meta":${ENVELOPE}}`),
    })
    if (firstByteMs === 0) firstByteMs = performance.now() - start
    // oxlint-disable-next-line no-await-in-loop -- the same page
    const text = await body.text()
    const page = pageIn(text)
    if (statusCode !== 200 || page === undefined)
      throw new Error(`the list was answered: ${text.slice(0, 300)}`)
    tools += page.tools.length
    bytes += text.length
    cursor = page.nextCursor
  }
  const totalMs = performance.now() - start
  return { tools, bytes, firstByteMs, totalMs, cpuMs: (usageOf(gateway.pid).ownUs - before) / 1000 }
}

interface ToolPage {
  readonly tools: readonly unknown[]
  readonly nextCursor?: string
}

function pageIn(text: string): ToolPage | undefined {
  const data = /^data: ?(\{.*)$/m.exec(text)?.[1] ?? text
  return (JSON.parse(data) as { result?: ToolPage }).result
}

function lineOf(size: number, which: string, lists: readonly Listed[], rssMb: number): string[] {
  const of = (figure: (each: Listed) => number): Spread => spreadOf(lists.map(figure))
  return [
    String(size),
    which,
    written(
      of(({ tools }) => tools),
      0,
    ),
    written(
      of(({ bytes }) => bytes / 1024),
      0,
    ),
    written(
      of(({ firstByteMs }) => firstByteMs),
      1,
    ),
    written(
      of(({ totalMs }) => totalMs),
      1,
    ),
    written(
      of(({ cpuMs }) => cpuMs),
      1,
    ),
    rssMb.toFixed(0),
  ]
}
