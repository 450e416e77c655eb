import type { Client, StandardSchemaV1, Transport } from '@modelcontextprotocol/client'
import { GatewayError } from '../../domain/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json.ts'
import type { Connection, Era, RequestOptions } from './connection.ts'
import { RawResults, rawResult } from './raw-results.ts'
import { upstreamError } from './upstream-error.ts'

/** Accepts every result as it is. */
const ANYTHING: StandardSchemaV1<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'tool-gateway', validate: (value) => ({ value }) },
}
const SERVER_INFO = 'io.modelcontextprotocol/serverInfo'

/** Makes the SDK ask for progress; {@link RawResults} is what reports it. */
const asksForProgress = (): void => undefined

/** A connected SDK client and its transport as a {@link Connection}. */
export class SdkConnection implements Connection {
  readonly era: Era
  readonly protocolVersion: string
  readonly capabilities: JsonObject
  readonly instructions: string | undefined
  readonly serverInfo: JsonObject | undefined
  readonly pid: number | undefined

  readonly #server: string
  readonly #client: Client
  readonly #transport: Transport
  readonly #results: RawResults
  readonly #close: () => Promise<void>
  /** Whether a request's HTTP exchange has to be ended by us when it is given up. */
  readonly #endsExchanges: boolean
  #closed: Promise<void> | undefined

  constructor(options: {
    server: string
    /** Connected. */
    client: Client
    transport: Transport
    pid: number | undefined
    /** Ends the connection; called once. */
    close: () => Promise<void>
  }) {
    const { client } = options
    this.#server = options.server
    this.#client = client
    this.#transport = options.transport
    this.#close = options.close
    this.#results = new RawResults(options.transport)
    this.era = client.getProtocolEra() ?? 'legacy'
    this.protocolVersion = client.getNegotiatedProtocolVersion() ?? ''
    this.capabilities = { ...client.getServerCapabilities() }
    this.instructions = client.getInstructions()
    const serverInfo = client.getServerVersion()
    this.serverInfo = serverInfo === undefined ? undefined : { ...serverInfo }
    this.pid = options.pid
    this.#endsExchanges = this.era === 'legacy' && options.transport.hasPerRequestStream === true
  }

  async request(
    method: string,
    params: JsonObject | undefined,
    options: RequestOptions,
  ): Promise<JsonObject> {
    const { signal, timeoutMs, onProgress } = options
    if (isAborted(signal)) throw this.#neverSent('cancelled')
    if (this.#closed !== undefined) throw this.#neverSent('upstream_unavailable')
    const exchange = this.#endsExchanges ? new AbortController() : undefined
    try {
      const following = { signal: exchange?.signal, onProgress }
      const answer = await this.#results.follow(following, () =>
        this.#client.request({ method, ...(params !== undefined && { params }) }, ANYTHING, {
          timeout: timeoutMs,
          ...(signal !== undefined && { signal }),
          ...(onProgress !== undefined && { onprogress: asksForProgress }),
        }),
      )
      return this.#checked(rawResult(answer))
    } catch (error) {
      // Not after an answer: that would cost the keep-alive connection.
      exchange?.abort()
      throw upstreamError(error, {
        server: this.#server,
        isCancelled: isAborted(signal),
        hasSession: this.#transport.sessionId !== undefined,
      })
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close().catch(() => undefined)
    return this.#closed
  }

  /**
   * The result without what concerns this hop only. The gateway declares no client capabilities, so nothing but a
   * complete result may come.
   */
  #checked(result: unknown): JsonObject {
    if (!isJsonObject(result)) throw this.#badResponse('the result is not an object')
    const { resultType } = result
    if (this.era === 'modern' && resultType !== undefined && resultType !== 'complete') {
      throw this.#badResponse('the result is not complete')
    }
    delete result['resultType']
    const meta = result['_meta']
    if (isJsonObject(meta) && SERVER_INFO in meta) {
      delete meta[SERVER_INFO]
      if (Object.keys(meta).length === 0) delete result['_meta']
    }
    return result
  }

  #badResponse(cause: string): GatewayError {
    return new GatewayError('upstream_bad_response', `Server ${this.#server} gave an invalid answer`, {
      cause: new Error(cause),
      facts: { server: this.#server, mayHaveExecuted: true },
    })
  }

  #neverSent(code: 'cancelled' | 'upstream_unavailable'): GatewayError {
    const message = code === 'cancelled' ? undefined : `Server ${this.#server} is not available`
    return new GatewayError(code, message, { facts: { server: this.#server, mayHaveExecuted: false } })
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}
