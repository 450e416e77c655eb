/** Empty objects and lists take twenty times their bytes as values. */
const listOf = (element: string, count: number): string => `[${`${element},`.repeat(count - 1)}${element}]`

const ROW = '{"id":12345,"name":"Ann Smith","email":"ann@example.com","active":true}'

/** The results of its tools, as JSON. */
const RESULTS: Record<string, string> = {
  objects: `{"content":[],"structuredContent":{"rows":${listOf('{}', 800_000)}}}`,
  lists: `{"content":[],"structuredContent":{"rows":${listOf('[]', 800_000)}}}`,
  rows: `{"content":[],"structuredContent":{"rows":${listOf(ROW, 130_000)}}}`,
  echo: '{"content":[{"type":"text","text":"echo"}]}',
}

const METHODS: Record<string, string> = {
  initialize: JSON.stringify({
    protocolVersion: '2025-11-25',
    capabilities: { tools: {} },
    serverInfo: { name: 'heavy', version: '1' },
  }),
  'tools/list': JSON.stringify({
    tools: Object.keys(RESULTS).map((name) => ({ name, inputSchema: { type: 'object' } })),
  }),
}

/** What a legacy server answers whose results have too many members, as JSON; undefined for a notification. */
export function heavyAnswer(message: string): string | undefined {
  const { id, method, params } = JSON.parse(message) as {
    id?: unknown
    method: string
    params?: { name?: string }
  }
  if (id === undefined) return undefined
  const result = METHODS[method] ?? RESULTS[params?.name ?? '']
  const outcome = result === undefined ? '"error":{"code":-32601,"message":"none"}' : `"result":${result}`
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},${outcome}}`
}
