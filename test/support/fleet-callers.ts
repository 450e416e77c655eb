import { type ClientKind, connectClient } from './mcp-clients.ts'

/** How a fleet server signs its answer. */
interface Signature {
  readonly server: string
  readonly instance: string
  readonly call: string
}

/** One caller of a gateway, over one transport. */
export interface Caller {
  readonly title: string
  /** Calls the tool `sign` of a server. Rejects when that is not answered as a fleet server does. */
  readonly sign: (server: string, call: string) => Promise<Signature>
  /** Names of the tools that it sees. */
  readonly list: () => Promise<string[]>
  readonly close: () => Promise<void>
}

/** Callers over REST and each kind of MCP client, each a user of its own. */
export async function connectCallers(
  url: string,
  tokenOf: (subject: string) => Promise<string>,
  kinds: readonly ('rest' | ClientKind)[],
): Promise<Caller[]> {
  return Promise.all(
    kinds.map(async (kind, index) => {
      const token = await tokenOf(`caller-${index}`)
      return kind === 'rest' ? restCaller(url, token) : mcpCaller(kind, url, token)
    }),
  )
}

function restCaller(url: string, token: string): Caller {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return {
    title: 'rest',
    sign: async (server, call) => {
      const body = JSON.stringify({ arguments: { call } })
      const answer = await fetch(`${url}/v1/tools/${server}_sign`, { method: 'POST', headers, body })
      return signatureIn(await answer.json())
    },
    list: async () => {
      const { tools } = (await (await fetch(`${url}/v1/tools?limit=100`, { headers })).json()) as {
        tools: { name: string }[]
      }
      return tools.map(({ name }) => name)
    },
    close: () => Promise.resolve(),
  }
}

async function mcpCaller(kind: ClientKind, url: string, token: string): Promise<Caller> {
  const client = await connectClient(kind, url, token)
  return {
    title: kind,
    sign: async (server, call) =>
      signatureIn(await client.callTool({ name: `${server}_sign`, arguments: { call } })),
    list: async () => (await client.listTools()).tools.map(({ name }) => name),
    close: () => client.close(),
  }
}

function signatureIn(answer: unknown): Signature {
  const { content } = answer as { content?: [{ text: string }] }
  if (content === undefined) throw new Error(`not answered: ${JSON.stringify(answer)}`)
  return JSON.parse(content[0].text) as Signature
}

/** One call, and what came of it. */
export interface Signed {
  readonly caller: Caller
  readonly server: string
  readonly call: string
  readonly answer: Signature | undefined
  readonly error?: unknown
  readonly ms: number
}

/** Makes `count` calls of the servers in turn, by all callers at the same time, each with two calls in flight. */
export async function signAll(
  callers: readonly Caller[],
  servers: readonly string[],
  count: number,
): Promise<Signed[]> {
  const signed: Signed[] = []
  const turns = Array.from({ length: count }, (_, index) => index).values()
  const inTurn = async (caller: Caller): Promise<void> => {
    for (const index of turns) {
      const [server = '', call] = [servers[index % servers.length], `call-${index}`]
      const before = performance.now()
      const result = await caller.sign(server, call).then(
        (answer) => ({ answer }),
        (error: unknown) => ({ answer: undefined, error }),
      )
      signed.push({ caller, server, call, ...result, ms: performance.now() - before })
    }
  }
  await Promise.all([...callers, ...callers].map(inTurn))
  return signed
}

/** The calls that were not answered by an instance of the server that they were for, each as a line of text. */
export function misrouted(
  signed: readonly Signed[],
  instancesOf: (server: string) => readonly string[],
): string[] {
  return signed.flatMap(({ caller, server, call, answer, error }) => {
    const isRight =
      answer?.server === server && answer.call === call && instancesOf(server).includes(answer.instance)
    const found = answer === undefined ? String(error) : JSON.stringify(answer)
    return isRight ? [] : [`${call} of ${caller.title} for ${server}: ${found}`]
  })
}

/** How many instances of a server each caller was answered by. */
export function instancesPerCaller(signed: readonly Signed[], server: string): number[] {
  const perCaller = Map.groupBy(
    signed.filter((each) => each.server === server),
    ({ caller }) => caller,
  )
  return [...perCaller.values()].map((calls) => new Set(calls.map(({ answer }) => answer?.instance)).size)
}
