import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'

/** A registry on loopback that speaks the read part of the official registry's API (v0.1). */
export interface TestRegistry {
  readonly url: string
  /** The paths that were asked for, with their queries. */
  readonly asked: string[]
  readonly close: () => void
}

const PAGE_SIZE = 2
const OFFICIAL = 'io.modelcontextprotocol.registry/official'

/** @param servers `server.json` documents, by name */
export async function startTestRegistry(servers: readonly Record<string, unknown>[]): Promise<TestRegistry> {
  const asked: string[] = []
  const server = createServer(({ url = '' }, response) => {
    asked.push(url)
    const { pathname, searchParams } = new URL(url, 'http://registry')
    const one = /^\/v0\.1\/servers\/([^/]+)\/versions\/latest$/.exec(pathname)
    if (pathname === '/v0.1/servers') return answer(response, 200, pageOf(servers, searchParams))
    const found = servers.find(({ name }) => name === decodeURIComponent(one?.[1] ?? ''))
    return found === undefined
      ? answer(response, 404, { error: 'Server not found' })
      : answer(response, 200, listed(found))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    asked,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function pageOf(servers: readonly Record<string, unknown>[], query: URLSearchParams): object {
  const found = servers.filter(({ name }) => String(name).includes(query.get('search') ?? ''))
  const start = Number(query.get('cursor') ?? 0)
  const end = start + PAGE_SIZE
  return {
    servers: found.slice(start, end).map(listed),
    metadata: { count: found.length, ...(end < found.length && { nextCursor: String(end) }) },
  }
}

function listed(server: Record<string, unknown>): object {
  const meta = { status: 'active', updatedAt: '2026-11-01T00:00:00Z', isLatest: true }
  return { server, _meta: { [OFFICIAL]: meta } }
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
