import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { endsWithUs } from '../../support/ends-with-us.ts'
import { eventually } from '../../support/eventually.ts'
import { initialize, MODERN, withEnvelope } from '../../support/raw-mcp.ts'
import { Canary } from './canary.ts'
import { Gateway } from './gateway.ts'
import { type Fields, type Reply, send } from './send.ts'
import { Tokens, type TokenSpec } from './tokens.ts'
import { Upstreams } from './upstream.ts'

export const JSON_TYPE = { 'content-type': 'application/json' }
export const MCP = { ...JSON_TYPE, accept: 'application/json, text/event-stream' }

/** Servers that families need, by name. */
export type Needs = Readonly<Record<string, { readonly document: object; readonly program?: string }>>

/** A gateway with an attacker in the tenant `acme` and a caller of the tenant `globex` who is not to notice. */
export class World implements AsyncDisposable {
  readonly gateway: Gateway
  readonly tokens: Tokens
  readonly upstreams: Upstreams
  readonly canary: Canary
  /** Of the attacker, who may read. */
  readonly token: string
  /** Of an operator of the attacker's tenant. */
  readonly operator: string
  /** Of a caller of the other tenant. */
  readonly foreign: string
  #session: string | undefined

  private constructor(
    parts: Pick<World, 'gateway' | 'tokens' | 'upstreams' | 'canary' | 'token' | 'operator' | 'foreign'>,
  ) {
    this.gateway = parts.gateway
    this.tokens = parts.tokens
    this.upstreams = parts.upstreams
    this.canary = parts.canary
    this.token = parts.token
    this.operator = parts.operator
    this.foreign = parts.foreign
  }

  static async start(needs: Needs, env: Record<string, string> = {}): Promise<World> {
    const tokens = await Tokens.open()
    const upstreams = await Upstreams.open()
    const usual = { transport: 'streamable-http', era: 'legacy', tenantId: 'acme' }
    const at = (name: string): object => ({ ...usual, url: upstreams.url(name) })
    const others: Record<string, object> = {}
    for (const [name, { document, program }] of Object.entries(needs)) {
      const place = program === undefined ? {} : { ...usual, url: await urlOfProcess(program) }
      others[name] = { tenantId: 'acme', ...place, ...document }
    }
    const servers = {
      canary: { ...at('canary'), tenantId: 'globex' },
      echo: { ...at('echo'), auth: { kind: 'bearer', token: 'S3CR3T-upstream' } },
      hidden: { ...at('hidden'), requiredRoles: ['nobody'] },
      ...others,
    }
    const gateway = await Gateway.start({ servers }, { OIDC_ISSUERS: tokens.settings, ...env })
    const token = await tokens.make({})
    const foreign = await tokens.make({ of: 'globex', claims: { sub: 'bob' } })
    const operator = await tokens.make({ claims: { sub: 'olga', roles: ['reader', 'operator', 'auditor'] } })
    const canary = new Canary({ url: gateway.url, token: foreign })
    const world = new World({ gateway, tokens, upstreams, canary, token, operator, foreign })
    await world.#ready()
    return world
  }

  /** One call over REST. */
  call(tool: string, args: unknown, requestId: string, headers: Fields = {}): Promise<Reply> {
    const body = JSON.stringify({ arguments: args })
    return this.post(`/v1/tools/${tool}`, body, { 'x-request-id': requestId, ...headers })
  }

  /** Sends when a server of the attacker's tenant is ready. */
  async whenReady(server: string, call: () => Promise<Reply>): Promise<Reply> {
    const headers = { authorization: `Bearer ${this.operator}` }
    await eventually(
      async () => (await this.get(`/v1/servers/${server}`, headers)).text.includes('"state":"ready"'),
      { what: `${server} to be ready` },
    )
    return call()
  }

  /** One POST with the attacker's token, unless the headers have another. */
  post(path: string, body: string | Buffer, headers: Fields = {}): Promise<Reply> {
    return send(this.gateway.url, {
      path,
      body,
      headers: { authorization: `Bearer ${this.token}`, ...JSON_TYPE, ...headers },
    })
  }

  get(path: string, headers: Fields = {}): Promise<Reply> {
    return send(this.gateway.url, {
      method: 'GET',
      path,
      headers: { authorization: `Bearer ${this.token}`, ...headers },
    })
  }

  delete(path: string, headers: Fields = {}): Promise<Reply> {
    return send(this.gateway.url, {
      method: 'DELETE',
      path,
      headers: { authorization: `Bearer ${this.token}`, ...headers },
    })
  }

  /** A request of 2026-07-28. */
  modern(method: string, params: object, requestId: string, headers: Fields = {}): Promise<Reply> {
    const all = withEnvelope(params as Record<string, unknown>)
    const name = all['name'] ?? all['uri']
    return this.post('/mcp', JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: all }), {
      ...MCP,
      'mcp-protocol-version': MODERN,
      'mcp-method': method,
      'mcp-name': typeof name === 'string' ? headerText(name) : undefined,
      'x-request-id': requestId,
      ...headers,
    })
  }

  /** The headers of a message in the session of the attacker, opened at the first need. */
  async inSession(token = this.token): Promise<Fields> {
    if (token !== this.token) return sessionHeaders(await this.openSession(token))
    this.#session ??= await this.openSession(token)
    return sessionHeaders(this.#session)
  }

  async openSession(token: string): Promise<string> {
    const headers = { ...MCP, authorization: `Bearer ${token}` }
    const opened = await this.post('/mcp', JSON.stringify(initialize(0)), headers)
    return String(opened.headers['mcp-session-id'])
  }

  make(spec: TokenSpec): Promise<string> {
    return this.tokens.make(spec)
  }

  /** Usage records of the attacker's tenant, by request id. */
  async records(): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>()
    const headers = { authorization: `Bearer ${this.operator}` }
    for (let cursor: string | undefined, page = 0; page === 0 || cursor !== undefined; page += 1) {
      const query = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const { text } = await this.get(`/v1/audit?limit=1000${query}`, headers)
      const body = JSON.parse(text) as { records: { requestId: string }[]; nextCursor?: string }
      for (const { requestId } of body.records) counts.set(requestId, (counts.get(requestId) ?? 0) + 1)
      cursor = body.nextCursor
    }
    return counts
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.canary[Symbol.asyncDispose]()
    await this.gateway[Symbol.asyncDispose]()
    await this.upstreams[Symbol.asyncDispose]()
    await this.tokens[Symbol.asyncDispose]()
  }

  async #ready(): Promise<void> {
    for (const [tool, token] of [
      ['echo_say', this.token],
      ['canary_say', this.foreign],
    ] as const)
      await eventually(
        async () => (await this.call(tool, {}, 'ready', { authorization: `Bearer ${token}` })).status === 200,
        { what: tool },
      )
    await this.canary.report()
  }
}

/** Starts a server of `servers/`, which ends with this process; resolves with the URL that it prints. */
async function urlOfProcess(program: string): Promise<string> {
  const path = join(import.meta.dirname, '../servers', program)
  const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'] })
  endsWithUs(child)
  child.unref()
  const [printed] = (await once(child.stdout, 'data')) as [Buffer]
  child.stdout.destroy()
  return printed.toString().trim()
}

function sessionHeaders(id: string): Fields {
  return { ...MCP, 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' }
}

/** A name as a header has it (MCP 2026-07-28, Streamable HTTP, encoding of values). */
function headerText(name: string): string {
  if (/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(name) && !name.startsWith('=?')) return name
  return `=?base64?${Buffer.from(name).toString('base64')}?=`
}
