import { GatewayError } from '../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import type { ServerDefinition } from '../../src/domain/documents/server-definition.ts'
import type { ClientSide } from '../../src/upstream/messages/client-side.ts'
import type {
  Connect,
  Connection,
  ConnectionEvents,
  Era,
  RequestOptions,
  WatchChange,
} from '../../src/upstream/connection/connection.ts'

type Answer = (params: JsonObject | undefined) => JsonObject | Promise<JsonObject>

/** A connection that answers from a table. Methods that are not in it are unknown. */
export class FakeConnection implements Connection {
  era: Era = 'legacy'
  readonly protocolVersion = '2025-11-25'
  readonly instructions = 'Be brief.'
  serverInfo = { name: 'fake', version: '0' }
  readonly pid = 4711
  readonly capabilities: JsonObject
  readonly requests: { method: string; params: JsonObject | undefined }[] = []
  readonly notified: { method: string; params: JsonObject | undefined }[] = []
  /** The sets of resources that were to be watched, one after the other. */
  readonly watched: string[][] = []
  /** What differed from the set before, as far as that was said. */
  readonly watchChanges: (WatchChange | undefined)[] = []
  /** Answers to `watchResources`. */
  agree: (uris: ReadonlySet<string>) => Promise<void> = () => Promise.resolve()
  isClosed = false
  readonly answers: Record<string, Answer>

  constructor(answers: Record<string, Answer>, capabilities: JsonObject = { tools: {} }) {
    this.answers = answers
    this.capabilities = capabilities
  }

  async request(
    method: string,
    params: JsonObject | undefined,
    { signal }: RequestOptions,
  ): Promise<JsonObject> {
    this.requests.push({ method, params })
    const answer = this.answers[method]
    if (answer === undefined) throw upstreamError(-32_601)
    const answered = answer(params)
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    signal?.addEventListener('abort', () => reject(new GatewayError('cancelled')), { once: true })
    return Promise.race([answered, aborted])
  }

  notify(method: string, params: JsonObject | undefined): void {
    this.notified.push({ method, params })
  }

  watchResources(uris: ReadonlySet<string>, change?: WatchChange): Promise<void> {
    this.watched.push([...uris])
    this.watchChanges.push(change)
    return this.agree(uris)
  }

  close(): Promise<void> {
    this.isClosed = true
    return Promise.resolve()
  }
}

export function upstreamError(code: number): GatewayError {
  return new GatewayError('upstream_error', undefined, { facts: { upstream: { code, message: 'no' } } })
}

/** What a request over a session that the server has forgotten fails with. */
export function sessionLost(): GatewayError {
  const cause = Object.assign(new Error('gone'), { name: 'SessionLost' })
  return new GatewayError('upstream_unavailable', 'Server sample is unavailable', {
    cause,
    facts: { server: 'sample', mayHaveExecuted: false },
  })
}

/** One call of {@link FakeServers.connect}: what it asked for, and the means to answer. */
export interface Attempt {
  readonly server: ServerDefinition
  readonly events: ConnectionEvents
  readonly signal: AbortSignal
  readonly client: ClientSide | undefined
  readonly succeed: (connection?: FakeConnection) => FakeConnection
  readonly fail: (reason: string) => void
  /** Fails because of something. */
  readonly failWith: (cause: Error) => void
  readonly timeoutMs: number
}

/** Stands in for everything outside: each connection is opened by the test. */
export class FakeServers {
  readonly attempts: Attempt[] = []
  /** Opens every connection at once. */
  isReady = false

  readonly connect: Connect = (server, events, { signal, client, timeoutMs }) => {
    const { promise, resolve, reject } = Promise.withResolvers<Connection>()
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    const attempt: Attempt = {
      server,
      events,
      signal,
      client,
      succeed: (connection = toolServer()) => {
        resolve(connection)
        return connection
      },
      timeoutMs,
      fail: (reason) => reject(new GatewayError('upstream_unavailable', reason)),
      failWith: (cause) => reject(new GatewayError('upstream_unavailable', cause.message, { cause })),
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
