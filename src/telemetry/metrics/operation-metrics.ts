import type { Attributes, Histogram, Meter } from '@opentelemetry/api'
import { ERRORS } from '../../domain/errors/error-table.ts'
import { ATTRIBUTE, EXECUTE_TOOL, TOOL_ERROR } from '../attributes.ts'
import { BoundedLabels } from './bounded-labels.ts'
import { PreparedAttributes } from './prepared-attributes.ts'

/** Upper bounds in seconds that the semantic conventions for MCP give both histograms. */
const BUCKETS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300]
const MAX_TOOLS = 200
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
  readonly #server: Histogram
  readonly #client: Histogram
  readonly #tools = new BoundedLabels({ limit: MAX_TOOLS })
  readonly #attributes = new PreparedAttributes()

  constructor(meter: Meter) {
    const histogram = (name: string, description: string): Histogram =>
      meter.createHistogram(name, {
        description,
        unit: 's',
        advice: { explicitBucketBoundaries: BUCKETS },
      })
    this.#server = histogram(
      'mcp.server.operation.duration',
      'MCP requests of clients that the gateway carries, until they are answered',
    )
    this.#client = histogram(
      'mcp.client.operation.duration',
      'MCP requests to servers, calls and the lists of the gateway, until they are answered',
    )
  }

  /** Counts a request of a client that was answered. */
  server(operation: Operation, durationMs: number): void {
    this.#server.record(seconds(durationMs), this.#labelled('server', operation, { transport: 'tcp' }))
  }

  /** Counts a request to a server that was answered, or given up. */
  client(operation: ClientOperation, durationMs: number): void {
    this.#client.record(seconds(durationMs), this.#labelled('client', operation, operation))
  }

  #labelled(
    side: string,
    { method, protocolVersion, errorType }: Operation,
    { transport, server, tool }: Pick<ClientOperation, 'transport'> & Partial<ClientOperation>,
  ): Attributes {
    const error = errorType === undefined || ERROR_TYPES.has(errorType) ? errorType : '_OTHER'
    const name = tool === undefined || this.#isNamed(server, tool) ? tool : '_other'
    return this.#attributes.of([side, method, protocolVersion, error, transport, server, name], () => ({
      [ATTRIBUTE.method]: method,
      ...(method === 'tools/call' && { [ATTRIBUTE.genAiOperation]: EXECUTE_TOOL }),
      ...(protocolVersion !== undefined && { [ATTRIBUTE.protocolVersion]: protocolVersion }),
      [ATTRIBUTE.transport]: transport,
      ...(server !== undefined && { [ATTRIBUTE.server]: server }),
      ...(name !== undefined && { [ATTRIBUTE.tool]: name }),
      ...(error !== undefined && { [ATTRIBUTE.errorType]: error }),
    }))
  }

  /** Whether the tool of a server is one of the first. */
  #isNamed(server = '', tool: string): boolean {
    return this.#tools.admit(`${server.length}:${server}${tool}`)
  }
}

function seconds(durationMs: number): number {
  return Math.max(durationMs, 0) / 1000
}
