import { createHmac, randomUUID } from 'node:crypto'
import type { Clock } from '../../domain/clock.ts'
import { messageOf } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { ApprovalEvent, ApprovalRequest } from './approval-request.ts'

const PREFIX = 'whsec_'
/** Pauses before each further attempt. */
const PAUSES_MS = [1000, 5000, 30_000, 120_000] as const
/** Reports that are under way or wait to be sent again. */
const MAX_PENDING = 1000
const GONE = 410
const REPORTED: ReadonlySet<ApprovalEvent> = new Set(['requested', 'approved', 'denied'])

interface NoticesOptions {
  readonly webhook: { readonly url: string; readonly secret: string }
  readonly outbound: Pick<Outbound, 'fetch'>
  readonly pageOf: (id: string) => string
  readonly onOutcome: (outcome: 'delivered' | 'failed' | 'dropped') => void
  readonly clock: Clock
  /** Gives numbers from 0 to below 1. */
  readonly random: () => number
  readonly logger: Logger
}

/**
 * Reports to a webhook that a call waits for approval, and how it was answered, signed as the Standard Webhooks have it.
 * Without any argument of a call: the recipient opens the page. A report that is not taken is sent five times within
 * three minutes, and then given up; the request itself waits in any case.
 */
export class Notices {
  readonly #options: NoticesOptions
  readonly #key: Buffer
  readonly #closing = new AbortController()
  readonly #timers = new Set<() => void>()
  #pending = 0

  constructor(options: NoticesOptions) {
    this.#options = options
    this.#key = Buffer.from(options.webhook.secret.slice(PREFIX.length), 'base64')
  }

  /** Reports an event, if it is one for people. Never waits, and never throws. */
  report(event: ApprovalEvent, request: ApprovalRequest): void {
    if (!REPORTED.has(event)) return
    const data = dataOf(request, this.#options.pageOf(request.id))
    this.send({ id: `msg_${randomUUID()}`, type: `approval.${event}`, data })
  }

  /** Sends any report. Never waits, and never throws. @param notice.id by which receivers know it again */
  send({ id, type, data }: { id: string; type: string; data: JsonObject }): void {
    if (this.#closing.signal.aborted) return
    if (this.#pending >= MAX_PENDING) return this.#options.onOutcome('dropped')
    this.#pending += 1
    const timestamp = new Date(this.#options.clock.now()).toISOString()
    void this.#send(id, JSON.stringify({ type, timestamp, data }), 0)
  }

  /** Gives up what was not delivered yet. Idempotent. */
  close(): void {
    this.#closing.abort()
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
  }

  async #send(id: string, body: string, attempt: number): Promise<void> {
    const problem = await this.#problemOf(id, body)
    if (this.#closing.signal.aborted) return
    const { clock, random, logger } = this.#options
    const pauseMs = problem?.isFinal === true ? undefined : PAUSES_MS[attempt]
    if (problem === undefined || pauseMs === undefined) {
      this.#pending -= 1
      if (problem !== undefined)
        logger.warn({ err: problem.cause, id }, 'the webhook of approvals does not take a report')
      return this.#options.onOutcome(problem === undefined ? 'delivered' : 'failed')
    }
    const cancel = clock.after(pauseMs * (0.75 + random() / 2), () => {
      this.#timers.delete(cancel)
      void this.#send(id, body, attempt + 1)
    })
    this.#timers.add(cancel)
  }

  /** Why a report was not taken; undefined if it was. */
  async #problemOf(id: string, body: string): Promise<{ cause: string; isFinal: boolean } | undefined> {
    const { webhook, outbound, clock } = this.#options
    const timestamp = String(Math.floor(clock.now() / 1000))
    const signature = createHmac('sha256', this.#key).update(`${id}.${timestamp}.${body}`).digest('base64')
    try {
      const response = await outbound.fetch(webhook.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': timestamp,
          'webhook-signature': `v1,${signature}`,
        },
        body,
        signal: this.#closing.signal,
      })
      await response.body?.cancel()
      const { status, ok } = response
      return ok ? undefined : { cause: `it answered with HTTP ${status}`, isFinal: status === GONE }
    } catch (error) {
      return { cause: messageOf(error), isFinal: false }
    }
  }
}

function dataOf(request: ApprovalRequest, url: string): JsonObject {
  const { id, tenantId, server, tool, rule, status, requester, expiresAt, answer } = request
  return {
    id,
    tenantId,
    server,
    tool,
    rule,
    status,
    requester: {
      subject: requester.subject,
      ...(requester.agent !== undefined && { agent: requester.agent }),
    },
    expiresAt: new Date(expiresAt).toISOString(),
    url,
    ...(answer !== undefined && { answeredBy: answer.subject }),
  }
}
