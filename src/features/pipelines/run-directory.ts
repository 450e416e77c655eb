import { randomUUID } from 'node:crypto'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, jsonIn, type JsonObject } from '../../domain/json/json.ts'
import { type Principal, principalKey } from '../../domain/principal.ts'
import type { KeyRing } from '../../domain/seal/key-ring.ts'
import { Sealing } from '../../domain/seal/sealing.ts'
import type { AnswerWriter, ReplicaRelay } from '../../replicas/replica-relay.ts'
import { stateKey } from '../../state/state-key.ts'
import type { StateStore } from '../../state/state-store.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { ActiveRun } from './active-run.ts'
import { type PipelineRuns, unknownRun } from './pipeline-runs.ts'

const COLLECTION = 'pipeline-runs'
const KEEP_MS = 900_000
/** Sealed it still fits into an entry of the state. */
const MAX_BYTES = 150 * 1024
const REMOTE_ID = /^(\d{1,10})-[0-9a-f-]{36}$/
const NEVER = new AbortController().signal

/** What replicas need to know each other's runs. */
export interface SharedRuns {
  readonly relay: ReplicaRelay
  readonly state: Pick<StateStore, 'get' | 'put'>
  readonly keys: KeyRing
}

/**
 * The runs of pipelines at all replicas: one under way is asked of the replica that runs it, which its id names; what
 * became of one is in the state for a quarter of an hour, sealed for its owner.
 */
export class RunDirectory {
  readonly #runs: PipelineRuns
  readonly #shared: SharedRuns | undefined
  readonly #sealing: Sealing | undefined
  readonly #clock: Clock
  readonly #logger: Logger

  /** @param options.shared absent where there are no other replicas */
  constructor(options: { runs: PipelineRuns; shared: SharedRuns | undefined; clock: Clock; logger: Logger }) {
    this.#runs = options.runs
    this.#shared = options.shared
    this.#sealing = options.shared && new Sealing(options.shared.keys, 'pipeline runs')
    this.#clock = options.clock
    this.#logger = options.logger
    options.runs.useFor({
      newId: () =>
        options.shared === undefined ? randomUUID() : `${options.shared.relay.self}-${randomUUID()}`,
      onEnded: (run) => void this.#keep(run),
    })
  }

  /** How a run of the principal does. @throws GatewayError `run_not_found`, `replica_unavailable` */
  status(id: string, principal: Principal): Promise<JsonObject> {
    return this.#ask('status', id, principal)
  }

  /** Ends a run of the principal; one that has ended stays as it is. @throws GatewayError as `status` */
  cancel(id: string, principal: Principal): Promise<JsonObject> {
    return this.#ask('cancel', id, principal)
  }

  /** Answers what another replica asks of a run here. */
  answer({ action, id, principal }: JsonObject, writer: AnswerWriter): void {
    try {
      if (typeof id !== 'string' || !isJsonObject(principal)) throw unknownRun('')
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- sealed by another replica
      const owner = principal as unknown as Principal
      const status = action === 'cancel' ? this.#runs.cancel(id, owner) : this.#runs.status(id, owner)
      writer.head(200, {})
      writer.text(JSON.stringify(status))
      writer.end()
    } catch (error) {
      writer.fail(error instanceof GatewayError ? error : unknownRun(String(id)))
    }
  }

  async #ask(action: 'status' | 'cancel', id: string, principal: Principal): Promise<JsonObject> {
    const replica = REMOTE_ID.exec(id)?.[1]
    const shared = this.#shared
    if (shared === undefined || replica === undefined || replica === shared.relay.self)
      return action === 'cancel' ? this.#runs.cancel(id, principal) : this.#runs.status(id, principal)
    const kept = await this.#kept(id, principal, shared)
    if (kept !== undefined) return kept
    if (!(await shared.relay.isPresent(replica)))
      throw new GatewayError('run_not_found', 'The replica that ran it has ended, and the run with it')
    let text = ''
    const reader = { onHead: () => undefined, onText: (part: string) => void (text += part) }
    await shared.relay.ask(replica, { transport: 'runs', action, id, principal }, reader, NEVER)
    const status = jsonIn(text)
    if (!isJsonObject(status)) throw unknownRun(id)
    return status
  }

  async #kept(id: string, principal: Principal, { state }: SharedRuns): Promise<JsonObject | undefined> {
    const entry = await state.get(COLLECTION, stateKey(id))
    const text = entry && this.#sealing?.open(entry.value, boundTo(id, principalKey(principal)))
    const status = jsonIn(text ?? '')
    return isJsonObject(status) ? status : undefined
  }

  async #keep(run: ActiveRun): Promise<void> {
    if (this.#shared === undefined || this.#sealing === undefined) return
    const { id, owner } = run
    const status = run.status()
    let text = JSON.stringify(status)
    if (Buffer.byteLength(text) > MAX_BYTES) {
      const { result: _result, ...rest } = status
      text = JSON.stringify({ ...rest, resultTooLarge: true })
    }
    const sealed = this.#sealing.seal(text, boundTo(id, owner))
    const expiresAt = this.#clock.now() + KEEP_MS
    await this.#shared.state
      .put(COLLECTION, stateKey(id), sealed, { expiresAt })
      .catch((err: unknown) =>
        this.#logger.warn({ err, run: id }, 'the end of a run is known at this replica only'),
      )
  }
}

function boundTo(id: string, owner: string): string {
  return JSON.stringify([id, owner])
}
