import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { ServerDefinition } from '../../../src/domain/documents/server-definition.ts'
import type { ClientSide } from '../../../src/upstream/messages/client-side.ts'
import { type ConnectorOptions, createConnector } from '../../../src/upstream/connection/connect.ts'
import type { Tap } from '../../../src/upstream/connection/decorators/tap.ts'
import type { Connection, ListKind } from '../../../src/upstream/connection/connection.ts'
import { silentLogger } from '../../support/silent-logger.ts'

/** A connection with everything that it reported on its own. */
export interface Connected {
  readonly connection: Connection
  readonly lost: string[]
  readonly changes: ListKind[]
  /** Parameters of each report of a changed resource. */
  readonly updates: JsonObject[]
  /** Text of the first content block of a tool's answer. */
  readonly call: (name: string, args?: JsonObject, timeoutMs?: number) => Promise<string>
}

/** Connectors and connections of one test file. */
export class Connecting {
  readonly #open: Connection[] = []

  connector(options: Partial<ConnectorOptions> = {}): ReturnType<typeof createConnector> {
    return createConnector({
      clientInfo: { name: 'tool-gateway', version: '0' },
      maxMessageBytes: 100_000,
      dataDir: '/nonexistent',
      logger: silentLogger,
      ...options,
    })
  }

  async open(
    server: ServerDefinition,
    {
      connect = this.connector(),
      timeoutMs = 60_000,
      signal = new AbortController().signal,
      client,
      tap,
    }: {
      connect?: ReturnType<typeof createConnector>
      timeoutMs?: number
      signal?: AbortSignal
      client?: ClientSide
      tap?: Tap
    } = {},
  ): Promise<Connected> {
    const lost: string[] = []
    const changes: ListKind[] = []
    const updates: JsonObject[] = []
    const events = {
      onLost: (reason: string) => void lost.push(reason),
      onListChanged: (kind: ListKind) => void changes.push(kind),
      onResourceUpdated: (params: JsonObject) => void updates.push(params),
    }
    const connection = await connect(server, events, {
      timeoutMs,
      signal,
      ...(client !== undefined && { client }),
      ...(tap !== undefined && { tap }),
    })
    this.#open.push(connection)
    const call = async (name: string, args: JsonObject = {}, callTimeoutMs = 60_000): Promise<string> =>
      textOf(await callTool(connection, name, args, callTimeoutMs))
    return { connection, lost, changes, updates, call }
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((connection) => connection.close()))
  }
}

export function callTool(
  connection: Connection,
  name: string,
  args: JsonObject = {},
  timeoutMs = 60_000,
  signal?: AbortSignal,
): Promise<JsonObject> {
  return connection.request('tools/call', { name, arguments: args }, { signal, timeoutMs })
}

export function textOf(result: JsonObject): string {
  return (result['content'] as { text: string }[])[0]?.text ?? ''
}
