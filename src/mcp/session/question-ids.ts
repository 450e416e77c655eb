import type { JSONRPCMessage, JSONRPCResponse } from '@modelcontextprotocol/server'
import { CANCELLED, isAnswer, isRequest } from '../message.ts'

type RequestId = string | number

/** Questions of one session until ids are reused. */
const PER_REPLICA = 2 ** 21

/**
 * The ids of questions to clients, which name the replica that asks: the client's answer may arrive at another one. They
 * are safe integers, as those of the SDK are.
 */
export class QuestionIds {
  readonly #first: number

  /** @param replica a number below 2^31, another one for each process */
  constructor(replica: number) {
    this.#first = replica * PER_REPLICA
  }

  /** A message with the id that the client sees, if it is a question to the client or withdraws one. */
  asSent(message: JSONRPCMessage): JSONRPCMessage {
    if (isRequest(message)) return { ...message, id: this.outward(message.id) }
    if (isAnswer(message) || message.method !== CANCELLED) return message
    const requestId = message.params?.['requestId']
    if (typeof requestId !== 'number') return message
    return { ...message, params: { ...message.params, requestId: this.outward(requestId) } }
  }

  /** The answer to a question of this replica, with the id that it was asked with; undefined for every other answer. */
  ownAnswer(message: JSONRPCResponse): JSONRPCMessage | undefined {
    const id = this.inward(message.id)
    return id === undefined ? undefined : { ...message, id }
  }

  /** The id as the client sees it. */
  outward(id: RequestId): RequestId {
    return typeof id === 'number' ? this.#first + (id % PER_REPLICA) : id
  }

  /** The id as it was given here; undefined for the answer to another replica. */
  inward(id: unknown): RequestId | undefined {
    if (typeof id !== 'number') return undefined
    const own = id - this.#first
    return own >= 0 && own < PER_REPLICA ? own : undefined
  }

  /** The number of the replica that asked; undefined if it is not the id of a question. */
  static replicaOf(id: unknown): number | undefined {
    return typeof id === 'number' && Number.isSafeInteger(id) && id >= PER_REPLICA
      ? Math.floor(id / PER_REPLICA)
      : undefined
  }
}
