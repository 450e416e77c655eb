import { Agent, request as httpRequest } from 'node:http'
import { startsCompiled } from '../compiled.ts'
import { eventually } from '../eventually.ts'
import { legacyClient } from '../raw-mcp.ts'
import { startTestGateway, type TestGateway } from '../start-gateway.ts'
import { type Received, scriptedServer, type ScriptedServer } from './scripted-http.ts'

type Fields = Record<string, unknown>

/** The servers behind each gateway, by name. */
const HTTP_SERVERS = ['old', 'new'] as const
/** Whose token a call has. */
export const TOKENS = ['usual', 'foreign', 'admin', 'unknown', 'none'] as const

/** One HTTP request of a client. */
export interface SentCall {
  readonly path: string
  readonly token: (typeof TOKENS)[number]
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
  /** Whether the client is one of the open session. */
  readonly inSession: boolean
  /** The client goes away when the call has reached its server. */
  readonly leaves: boolean
}

/** What came back for it, and what of it a server got. */
export interface Outcome {
  readonly status: number
  readonly type: string
  readonly headers: Fields
  readonly messages: readonly unknown[]
  readonly received: readonly Received[]
}

/** Response headers that mean something to a client. */
const HEADERS = [
  'cache-control',
  'vary',
  'x-content-type-options',
  'retry-after',
  'www-authenticate',
  'allow',
  'mcp-session-id',
  'x-request-id',
  'access-control-expose-headers',
]
const AT_ONCE = 1
/** What a client has seen that went away: whether the head of the response came before is a matter of milliseconds. */
const UNSEEN = { status: 0, type: '', headers: {}, messages: [] }

/** A gateway with two scripted servers, and one over stdio. */
export class PathSide {
  readonly gateway: TestGateway
  readonly servers: Readonly<Record<(typeof HTTP_SERVERS)[number], ScriptedServer>>
  readonly #tokens: Readonly<Record<SentCall['token'], string | undefined>>
  readonly #session: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })

  private constructor(
    gateway: TestGateway,
    servers: PathSide['servers'],
    tokens: Readonly<Record<SentCall['token'], string | undefined>>,
    session: string,
  ) {
    this.gateway = gateway
    this.servers = servers
    this.#tokens = tokens
    this.#session = session
  }

  static async open(directPath: 'on' | 'off'): Promise<PathSide> {
    const servers = { old: await scriptedServer('legacy'), new: await scriptedServer('modern') }
    const fields = {
      tenantId: 'local',
      transport: 'streamable-http',
      requiredRoles: ['reader'],
      circuitBreaker: { enabled: false },
      healthCheck: { enabled: false },
      retry: { maxAttempts: 1 },
      timeoutMs: 2000,
      tools: { slow: { timeoutMs: 40 } },
    }
    const gateway = await startTestGateway(
      {
        old: { ...fields, url: servers.old.url, era: 'legacy' },
        new: { ...fields, url: servers.new.url, era: 'modern' },
        pipe: {
          ...fields,
          transport: 'stdio',
          command: process.execPath,
          args: [new URL('../upstreams/sample-stdio.ts', import.meta.url).pathname],
          ...startsCompiled,
        },
      },
      { env: { DIRECT_PATH: directPath, MAX_UPSTREAM_MESSAGE_BYTES: '500000', MAX_BODY_BYTES: '200000' } },
    )
    const usual = await gateway.token()
    const foreign = await gateway.token({ tenantId: 'other', subject: 'bob' })
    const tokens = {
      usual,
      foreign,
      admin: await gateway.token({ roles: ['admin'] }),
      unknown: `${usual}x`,
      none: undefined,
    }
    // A token takes the direct path from its second request on.
    for (const token of [usual, foreign, tokens.admin]) await gateway.rest(token, 'GET', '/v1/tools')
    const { sessionId = '' } = await legacyClient(gateway.url, usual)
    return new PathSide(gateway, servers, tokens, sessionId)
  }

  async send(call: SentCall): Promise<Outcome> {
    for (const name of HTTP_SERVERS) this.servers[name].take()
    const answer = await this.#exchange(call)
    return { ...answer, received: HTTP_SERVERS.flatMap((name) => this.servers[name].take()) }
  }

  #exchange({ path, token, headers, body, inSession, leaves }: SentCall): Promise<Omit<Outcome, 'received'>> {
    const { promise, resolve, reject } = Promise.withResolvers<Omit<Outcome, 'received'>>()
    const bearer = this.#tokens[token]
    const given = {
      ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
      ...(inSession && { 'mcp-session-id': this.#session, 'mcp-protocol-version': '2025-11-25' }),
      'content-length': String(body.length),
      ...headers,
    }
    const sent = httpRequest(
      this.gateway.url + path,
      {
        method: 'POST',
        agent: this.#agent,
        headers: Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', () => undefined)
        response.on('close', () => {
          if (leaves) return
          const type = (response.headers['content-type'] ?? '').split(';')[0] ?? ''
          // Problem details lead to pages of the gateway.
          const text = Buffer.concat(chunks).toString().replaceAll(this.gateway.url, '')
          resolve({
            status: response.complete ? (response.statusCode ?? 0) : -1,
            type,
            headers: Object.fromEntries(HEADERS.map((name) => [name, this.#plain(response.headers[name])])),
            messages: type === 'text/event-stream' ? messagesIn(text) : [parsed(text)],
          })
        })
      },
    )
    sent.on('error', (error) => {
      if (!leaves) reject(error)
    })
    sent.end(body)
    return leaves ? this.#leave(() => sent.destroy()) : promise
  }

  /** A header without the gateway's own address. */
  #plain(value: string | string[] | undefined): string | undefined {
    return value === undefined
      ? undefined
      : String(value).replaceAll(this.gateway.url, '').replaceAll(this.#session, 'session')
  }

  async #leave(leave: () => void): Promise<typeof UNSEEN> {
    const held = (): number => HTTP_SERVERS.reduce((sum, name) => sum + this.servers[name].held(), 0)
    await eventually(() => held() === 1, { what: 'the call at its server' })
    leave()
    await eventually(() => held() === 0, { what: 'the end of the call at its server' })
    return UNSEEN
  }

  /** Usage records by the ids of their requests. */
  async records(): Promise<Map<string, Fields[]>> {
    const auditor = await this.gateway.token({ roles: ['auditor'] })
    const all: Fields[] = []
    let cursor: unknown
    do {
      const query = typeof cursor === 'string' ? `&cursor=${encodeURIComponent(cursor)}` : ''
      const { body } = await this.gateway.rest(auditor, 'GET', `/v1/audit?limit=1000${query}`)
      all.push(...(body['records'] as Fields[]))
      cursor = body['nextCursor']
    } while (cursor !== undefined)
    return Map.groupBy(all, ({ requestId }) => String(requestId))
  }

  async close(): Promise<void> {
    this.#agent.destroy()
    await this.gateway.close()
    await Promise.all(HTTP_SERVERS.map((name) => this.servers[name].close()))
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return { text }
  }
}

function messagesIn(text: string): unknown[] {
  return text
    .split('\n\n')
    .filter((event) => event.includes('data:'))
    .map((event) => parsed(event.slice(event.indexOf('data:') + 'data:'.length)))
}
