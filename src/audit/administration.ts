import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { JsonObject } from '../domain/json/json.ts'
import { ALL_TENANTS, type Principal } from '../domain/principal.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { AuditLog } from './audit-log.ts'
import { newRecordId } from './record-id.ts'
import type { Act, PendingRecord } from './usage-record.ts'

/** How long an answer is held back for its record. */
const ANSWER_WAIT_MS = 10_000

/** Who does something: what every request knows about its sender. */
export interface Actor {
  readonly principal: Pick<Principal, 'tenantId' | 'subject'> & Partial<Pick<Principal, 'agent' | 'roles'>>
  readonly requestId: string
  readonly clientName?: string | undefined
  readonly address?: string | undefined
  /** How it is done; by default over REST. */
  readonly face?: 'rest' | 'registry' | 'command-line'
}

/** Something that changes what others may do or what the gateway does. */
export interface AdministrativeAct {
  /** The kind of the object and what is done to it, as `server.create`. */
  readonly action: Act
  /** What it is done to; the record belongs to its tenant, and to the actor's where it is for all tenants. */
  readonly object: { readonly tenantId: string; readonly name: string }
  /** The server that it concerns, if it does. */
  readonly server?: string
  /** What is different afterwards, without secrets (`differenceOf`, `documentChange`). */
  readonly change?: JsonObject
}

/** Records administrative acts in the same log as calls, so that an auditor sees both in one order. */
export class Administration {
  readonly #log: Pick<AuditLog, 'reserve' | 'release' | 'record' | 'flushWithin'>
  readonly #clock: Clock
  readonly #logger: Logger

  constructor(options: {
    log: Pick<AuditLog, 'reserve' | 'release' | 'record' | 'flushWithin'>
    clock: Clock
    logger: Logger
  }) {
    this.#log = options.log
    this.#clock = options.clock
    this.#logger = options.logger
  }

  /**
   * Does something and records it, before its caller gets an answer. What fails leaves no record.
   * @param act what it was; undefined when nothing was changed after all
   * @throws GatewayError `audit_unavailable`, before anything is done when there is no room for the record
   */
  async perform<T>(
    actor: Actor,
    work: () => Promise<T> | T,
    act: (result: T) => AdministrativeAct | undefined,
  ): Promise<T> {
    this.#log.reserve()
    let done: AdministrativeAct | undefined
    let result: T
    try {
      result = await work()
      done = act(result)
    } catch (error) {
      this.#log.release()
      throw error
    }
    if (done === undefined) this.#log.release()
    else if (!(await this.#write(actor, done)))
      throw new GatewayError('audit_unavailable', 'It was done, and its record cannot be written', {
        facts: { mayHaveExecuted: true },
      })
    return result
  }

  /**
   * Records what is done next, and resolves with the id of that record.
   * @throws GatewayError `audit_unavailable`
   */
  async announce(actor: Actor, act: AdministrativeAct): Promise<string> {
    this.#log.reserve()
    const record = recordOf(actor, act, this.#clock.now())
    this.#log.record(record)
    if (!(await this.#log.flushWithin(ANSWER_WAIT_MS))) throw new GatewayError('audit_unavailable')
    return record.id
  }

  /** Records what was done already. Resolves once that is written, or takes too long; never rejects. */
  async record(actor: Actor, act: AdministrativeAct): Promise<void> {
    if (!(await this.#write(actor, act)))
      this.#logger.error(
        { action: act.action },
        'the record of an administrative act could not be written in time',
      )
  }

  #write(actor: Actor, act: AdministrativeAct): Promise<boolean> {
    this.#log.record(recordOf(actor, act, this.#clock.now()))
    return this.#log.flushWithin(ANSWER_WAIT_MS)
  }
}

function recordOf(
  { principal, requestId, clientName, address, face = 'rest' }: Actor,
  { action, object, server, change }: AdministrativeAct,
  atMs: number,
): PendingRecord {
  const { tenantId, subject, agent, roles = [] } = principal
  return {
    id: newRecordId(atMs),
    atMs,
    tenantId: object.tenantId === ALL_TENANTS ? tenantId : object.tenantId,
    subject,
    agent: agent ?? null,
    roles,
    clientName: clientName ?? null,
    address: address ?? null,
    face,
    sessionId: null,
    requestId,
    action,
    target: object.name.slice(0, 256),
    server: server ?? null,
    instance: null,
    effect: 'allow',
    ruleId: 'allow',
    outcome: 'changed',
    code: null,
    durationMs: 0,
    requestBytes: 0,
    responseBytes: 0,
    argumentsText: '{}',
    change: {
      ...(object.tenantId === ALL_TENANTS && { forAllTenants: true }),
      ...(object.tenantId !== tenantId && object.tenantId !== ALL_TENANTS && { byTenant: tenantId }),
      ...change,
    },
  }
}
