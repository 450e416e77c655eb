import type { RequestId } from '@modelcontextprotocol/client'
import { answerId } from '../messages/oversized-message.ts'

const MAX_KEPT = 32
const EVENT_ID = /^id:/m
const ENDPOINT_EVENT = /^(?::[^\n]*\n|\s)*event: ?endpoint\r?\n/

/** The first and the last characters of an event, as they came. */
interface EventHead {
  readonly head: string
  readonly tail: string
  /** The request that the whole stream answers. */
  readonly whole: () => RequestId | undefined
}

/**
 * The beginnings of a connection's latest events: the SDK drops an event that is not a message without naming it, and
 * the request that it answers would wait for its timeout.
 */
export class EventHeads {
  readonly #kept: EventHead[] = []
  #hasEndpoint = false
  /** Whether an event had an id, from which its stream could be resumed. */
  hasIds = false

  /** Whether an event came that opens a session over HTTP+SSE. */
  get hasEndpoint(): boolean {
    return this.#hasEndpoint
  }

  /** Notes an event; says whether it opens a session over HTTP+SSE. */
  note(event: EventHead): boolean {
    this.#kept.push(event)
    if (this.#kept.length > MAX_KEPT) this.#kept.shift()
    const isEndpoint = event.head.includes('endpoint') && ENDPOINT_EVENT.test(event.head)
    this.#hasEndpoint ||= isEndpoint
    this.hasIds ||= EVENT_ID.test(event.head)
    return isEndpoint
  }

  /** The requests that the latest events look like answers to. Forgets the events. */
  takeAnswered(): RequestId[] {
    return this.#kept.splice(0).flatMap(({ head, tail, whole }) => {
      const data = head.slice(head.indexOf('data:') + 'data:'.length)
      return answerId(data, tail, whole) ?? []
    })
  }
}
