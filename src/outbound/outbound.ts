import { Agent, type buildConnector, type Dispatcher, fetch as fetchBy } from 'undici'
import type { Discovered } from '../domain/documents/server-definition.ts'
import {
  ANYWHERE,
  INTERNET_ONLY,
  type OutboundPolicy,
  targetOf,
  targetProblem,
} from '../domain/outbound/outbound-policy.ts'
import { policyFor } from '../domain/outbound/server-destinations.ts'
import { boundedBody } from './bounded-body.ts'
import { checkedConnector, type ConnectorOptions } from './checked-connector.ts'
import { OutboundRefused } from './outbound-refused.ts'

const TIMEOUT_MS = 10_000
const MAX_BYTES = 256 * 1024

/** One request whose address a third party names, such as a webhook. */
export interface OutboundRequest {
  readonly method?: string
  readonly headers?: Headers | Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal | undefined
  /** Until the response is there whole; 10 seconds by default. */
  readonly timeoutMs?: number
  /** Largest decoded body of the response; 256 KiB by default. */
  readonly maxBytes?: number
}

/** Requests under one policy. */
export class Outbound {
  readonly policy: OutboundPolicy
  /** Opens connections of undici. */
  readonly connect: buildConnector.connector
  readonly #agent: Agent
  readonly #resolving: ConnectorOptions
  readonly #isOfOperator: boolean
  #internetOnly: Outbound | undefined
  #withPrivate: Outbound | undefined

  /**
   * @param options.resolve in place of the system's resolver
   * @param options.ca a certificate that counts in addition to those of the system
   * @param options.isOfOperator whether only the operator names addresses: `fetch` then uses the proxies that Node is set to
   * use, which look names up themselves
   */
  constructor(options: { policy?: OutboundPolicy; isOfOperator?: boolean } & ConnectorOptions = {}) {
    this.policy = options.policy ?? ANYWHERE
    const { resolve, ca } = options
    this.#resolving = { ...(resolve !== undefined && { resolve }), ...(ca !== undefined && { ca }) }
    this.#isOfOperator = options.isOfOperator === true
    this.connect = checkedConnector(this.policy, options)
    // Requests have their own deadlines, and event streams may be silent without limit.
    this.#agent = new Agent({ allowH2: false, bodyTimeout: 0, headersTimeout: 0, connect: this.connect })
  }

  /** Sends requests of undici. */
  get dispatcher(): Dispatcher {
    return this.#agent
  }

  /** Requests to addresses that third parties name: only the internet, regardless of the settings. */
  get internetOnly(): Outbound {
    return (this.#internetOnly ??= this.#with({ ...INTERNET_ONLY, ports: this.policy.ports }))
  }

  /** Requests to a server of the registry. */
  of(server: Discovered): Outbound {
    const policy = policyFor(server, this.policy)
    return policy === this.policy ? this : (this.#withPrivate ??= this.#with(policy))
  }

  /** @throws OutboundRefused when it is known without a lookup that nothing may be sent there */
  check(url: URL): void {
    const problem = targetProblem(targetOf(url), this.policy)
    if (problem !== undefined) throw new OutboundRefused(problem)
  }

  /**
   * Sends one request. Redirects are not followed, and the body of the response ends with an error where it is too
   * large or too late.
   * @throws OutboundRefused, or what `fetch` throws
   */
  async fetch(address: string | URL, request: OutboundRequest = {}): Promise<Response> {
    const url = new URL(address)
    this.check(url)
    const { method = 'GET', headers, body, signal, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES } = request
    const late = AbortSignal.timeout(timeoutMs)
    const sent = {
      method,
      headers: Object.fromEntries(new Headers(headers)),
      redirect: 'manual' as const,
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
      ...(body !== undefined && { body }),
    }
    const responding = this.#isOfOperator
      ? fetch(url, sent)
      : fetchBy(url, { ...sent, dispatcher: this.#agent })
    const response = await responding.catch((error: unknown) => {
      throw refusalIn(error) ?? error
    })
    const { status, statusText } = response
    const limited = response.body === null ? null : boundedBody(response.body, maxBytes)
    // Of the platform: the types of the two are not the same.
    return new Response(limited, { status, statusText, headers: [...response.headers] })
  }

  /** Ends its sockets. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([
      this.#agent.destroy().catch(() => undefined),
      this.#internetOnly?.close(),
      this.#withPrivate?.close(),
    ])
  }

  #with(policy: OutboundPolicy): Outbound {
    return new Outbound({ policy, ...this.#resolving })
  }
}

/** The refusal for which a request failed, if that is why. */
export function refusalIn(error: unknown): OutboundRefused | undefined {
  for (let current = error; current instanceof Error; current = current.cause)
    if (current instanceof OutboundRefused) return current
  return undefined
}
