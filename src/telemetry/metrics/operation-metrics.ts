import { ERRORS } from '../../domain/errors/error-table.ts'
import { ATTRIBUTE, EXECUTE_TOOL, TOOL_ERROR } from '../attributes.ts'
import { BoundedLabels } from './bounded-labels.ts'
import { type DurationSeries, Durations } from './durations.ts'
import { PreparedAttributes } from './prepared-attributes.ts'

/** Upper bounds in seconds that the semantic conventions for MCP give both histograms. */
const BUCKETS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300]
const MAX_TOOLS = 200
const OVER_HTTP = { transport: 'tcp' } as const
/** Errors of JSON-RPC and of MCP; a server may make up others. */
const PROTOCOL_ERRORS = [-32700, -32600, -32601, -32602, -32603, -32000, -32001, -32002, -32042]
const ERROR_TYPES: ReadonlySet<string> = new Set([
  TOOL_ERROR,
  ...Object.keys(ERRORS),
  ...[...PROTOCOL_ERRORS, ...Object.values(ERRORS).map(({ rpc }) => rpc)].map(String),
])

interface Operation {
  /** One of a fixed set. */
  readonly method: string
  /** A revision that the SDK knows. */
  readonly protocolVersion: string | undefined
  /** Code of the JSON-RPC error or of ours, or `tool_error`; undefined where nothing failed. */
  readonly errorType: string | undefined
}

/** A request to a server. */
export interface ClientOperation extends Operation {
  readonly transport: 'pipe' | 'tcp'
  /** Name of the server, as a label may have it. */
  readonly server: string
  /** The server's own name of a tool that it offers. Callers' names never get so far. */
  readonly tool: string | undefined
}

/**
 * The durations that the semantic conventions for MCP name, for both sides of the gateway. Tools are named only
 * towards servers, where every name is one that a server offers, and only the first 200 of them.
 */
export class OperationMetrics {
  readonly #server = new Durations({
    name: 'mcp.server.operation.duration',
    description: 'MCP requests of clients that the gateway carries, until they are answered',
    bounds: BUCKETS,
  })
  readonly #client = new Durations({
    name: 'mcp.client.operation.duration',
    description: 'MCP requests to servers, calls and the lists of the gateway, until they are answered',
    bounds: BUCKETS,
  })
  readonly #tools = new BoundedLabels({ limit: MAX_TOOLS })
  readonly #series = new PreparedAttributes<DurationSeries>()

  get histograms(): readonly Durations[] {
    return [this.#server, this.#client]
  }

  /** Counts a request of a client that was answered. */
  server(operation: Operation, durationMs: number): void {
    this.#of(this.#server, operation, OVER_HTTP).record(durationMs)
  }

  /** Counts a request to a server that was answered, or given up. */
  client(operation: ClientOperation, durationMs: number): void {
    this.#of(this.#client, operation, operation).record(durationMs)
  }

  #of(
    histogram: Durations,
    { method, protocolVersion, errorType }: Operation,
    { transport, server, tool }: Pick<ClientOperation, 'transport'> & Partial<ClientOperation>,
  ): DurationSeries {
    const error = errorType === undefined || ERROR_TYPES.has(errorType) ? errorType : '_OTHER'
    const name = tool === undefined || this.#isNamed(server, tool) ? tool : '_other'
    const { name: side } = histogram.descriptor
    return this.#series.of([side, method, protocolVersion, error, transport, server, name], () =>
      histogram.of({
        [ATTRIBUTE.method]: method,
        ...(method === 'tools/call' && { [ATTRIBUTE.genAiOperation]: EXECUTE_TOOL }),
        ...(protocolVersion !== undefined && { [ATTRIBUTE.protocolVersion]: protocolVersion }),
        [ATTRIBUTE.transport]: transport,
        ...(server !== undefined && { [ATTRIBUTE.server]: server }),
        ...(name !== undefined && { [ATTRIBUTE.tool]: name }),
        ...(error !== undefined && { [ATTRIBUTE.errorType]: error }),
      }),
    )
  }

  /** Whether the tool of a server is one of the first. */
  #isNamed(server = '', tool: string): boolean {
    return this.#tools.admit(`${server.length}:${server}${tool}`)
  }
}
