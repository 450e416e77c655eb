import { GatewayError } from '../../src/domain/errors.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import type { ServerDefinition } from '../../src/domain/server-definition.ts'
import type { Connect, Connection, ConnectionEvents } from '../../src/upstream/connection/connection.ts'

type Answer = (params: JsonObject | undefined) => JsonObject | Promise<JsonObject>

/** A connection that answers from a table. Methods that are not in it are unknown. */
export class FakeConnection implements Connection {
  readonly era = 'legacy'
  readonly protocolVersion = '2025-11-25'
  readonly instructions = 'Be brief.'
  readonly serverInfo = { name: 'fake', version: '0' }
  readonly pid = 4711
  readonly capabilities: JsonObject
  readonly requests: { method: string; params: JsonObject | undefined }[] = []
  isClosed = false
  readonly answers: Record<string, Answer>

  constructor(answers: Record<string, Answer>, capabilities: JsonObject = { tools: {} }) {
    this.answers = answers
    this.capabilities = capabilities
  }

  async request(method: string, params: JsonObject | undefined): Promise<JsonObject> {
    this.requests.push({ method, params })
    const answer = this.answers[method]
    if (answer === undefined) throw upstreamError(-32_601)
    return answer(params)
  }

  close(): Promise<void> {
    this.isClosed = true
    return Promise.resolve()
  }
}

export function upstreamError(code: number): GatewayError {
  return new GatewayError('upstream_error', undefined, { facts: { upstream: { code, message: 'no' } } })
}

/** One call of {@link FakeServers.connect}: what it asked for, and the means to answer. */
export interface Attempt {
  readonly server: ServerDefinition
  readonly events: ConnectionEvents
  readonly signal: AbortSignal
  readonly succeed: (connection?: FakeConnection) => FakeConnection
  readonly fail: (reason: string) => void
}

/** Stands in for everything outside: each connection is opened by the test. */
export class FakeServers {
  readonly attempts: Attempt[] = []
  /** Opens every connection at once. */
  isReady = false

  readonly connect: Connect = (server, events, { signal, timeoutMs: _timeoutMs }) => {
    const { promise, resolve, reject } = Promise.withResolvers<Connection>()
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    const attempt: Attempt = {
      server,
      events,
      signal,
      succeed: (connection = toolServer()) => {
        resolve(connection)
        return connection
      },
      fail: (reason) => reject(new GatewayError('upstream_unavailable', reason)),
    }
    this.attempts.push(attempt)
    if (this.isReady) attempt.succeed()
    return promise
  }

  /** The latest attempt. */
  get last(): Attempt {
    const attempt = this.attempts.at(-1)
    if (attempt === undefined) throw new Error('nobody connected yet')
    return attempt
  }
}

export function toolServer(...names: string[]): FakeConnection {
  return new FakeConnection({
    'tools/list': () => ({ tools: names.map((name) => ({ name, inputSchema: { type: 'object' } })) }),
    'tools/call': () => ({ content: [] }),
  })
}
