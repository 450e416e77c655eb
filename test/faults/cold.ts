import type { ReplicaFleet } from './replica-fleet.ts'

const POLL_MS = 20
const LONGEST_MS = 120_000

interface Listed {
  readonly names: ReadonlySet<string>
  readonly isWhole: boolean
}

/** What one replica lists for the holder of a token. */
async function listed(url: string, token: string): Promise<Listed> {
  const names = new Set<string>()
  let cursor: string | undefined
  let missing: unknown[] = []
  do {
    const query = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const answer = await fetch(`${url}/v1/tools?limit=100${query}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    if (!answer.ok) return { names, isWhole: false }
    const page = (await answer.json()) as {
      tools: { name: string }[]
      nextCursor?: string
      missingServers?: unknown[]
    }
    for (const { name } of page.tools) names.add(name)
    missing = page.missingServers ?? []
    cursor = page.nextCursor
  } while (cursor !== undefined)
  return { names, isWhole: missing.length === 0 }
}

/** Milliseconds until something holds. */
async function until(holds: () => Promise<boolean>): Promise<number> {
  const started = performance.now()
  while (!(await holds().catch(() => false))) {
    if (performance.now() - started > LONGEST_MS) return Number.POSITIVE_INFINITY
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  return Math.round(performance.now() - started)
}

/** How long after it was ready a new replica lists what the others list, and when they agree. */
export async function coldReplica(fleet: ReplicaFleet): Promise<Record<string, number>> {
  const [first = ''] = fleet.urls
  const token = await fleet.token()
  await until(async () => (await listed(first, token)).isWhole)
  const { names } = await listed(first, token)
  const url = await fleet.begin(fleet.urls.length)
  const listenedToReadyMs = await until(async () => (await fetch(`${url}/readyz`)).ok)
  const seen = await listed(url, token)
  const readyToWholeMs = await until(async () => {
    const known = (await listed(url, token)).names
    return [...names].every((name) => known.has(name))
  })
  const { agreedMs, lagMs } = await agreement(first, url, token)
  return {
    tools: names.size,
    listenedToReadyMs,
    toolsWhenReady: seen.names.size,
    readyToWholeMs,
    agreedMs,
    lagMs,
  }
}

/**
 * When two replicas list the same, and the longest time that one listed a tool before the other did: a new replica asks
 * all servers, and may find tools that no replica knew.
 */
async function agreement(
  first: string,
  other: string,
  token: string,
): Promise<{ agreedMs: number; lagMs: number }> {
  const since = [new Map<string, number>(), new Map<string, number>()] as const
  const agreedMs = await until(async () => {
    const both = await Promise.all([listed(first, token), listed(other, token)])
    const now = performance.now()
    for (const [index, { names }] of both.entries())
      for (const name of names) if (since[index]?.has(name) === false) since[index].set(name, now)
    const [one, two] = both.map(({ names }) => [...names].toSorted().join())
    return one === two
  })
  const lags = [...since[0]].map(([name, at]) => Math.abs(at - (since[1].get(name) ?? at)))
  return { agreedMs, lagMs: Math.round(Math.max(0, ...lags)) }
}

/** How long after one replica knows an unannounced tool all others know it. */
export async function unannouncedTool(fleet: ReplicaFleet, id: string): Promise<Record<string, number>> {
  const [first = '', ...others] = fleet.urls
  const token = await fleet.token()
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ arguments: { id } })
  await fetch(`${first}/v1/tools/ledger_grow`, { method: 'POST', headers, body })
  const knows = async (url: string): Promise<boolean> => (await listed(url, token)).names.has(`ledger_${id}`)
  const atStart = (await Promise.all(fleet.urls.map(knows))).filter(Boolean).length
  await fetch(`${first}/v1/servers/ledger/restart`, { method: 'POST', headers })
  const firstMs = await until(() => knows(first))
  const othersMs = await until(async () => (await Promise.all(others.map(knows))).every(Boolean))
  return { knewBefore: atStart, firstMs, othersMs }
}
