import { isDeepStrictEqual } from 'node:util'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../src/domain/json/json.ts'

/**
 * How a server answers a call: with a question, with a state or without; at once; with a task; or by sending the client
 * to a page, and at once when the client comes back.
 */
export type Style = 'state' | 'bare' | 'answer' | 'task' | 'url'

/** How an attempt fails once: it never reached the server, or its answer was lost. */
type Stumble = 'not sent' | 'lost'

/** Servers that ask their callers, and which of them was sent what is not its own. */
export class AskingServers<Name extends string> {
  /** What a server was sent that is the answer to nothing it asked that caller, or is not meant for it. */
  readonly wrong: string[] = []
  /** Which server was sent something for which caller. */
  readonly served: string[] = []
  readonly down = new Set<Name>()
  readonly #added: Readonly<Record<Name, JsonObject>>
  readonly #stumbling = new Map<Name, Stumble>()
  readonly #asked = new Set<string>()
  readonly #states = new Set<string>()
  readonly #tasks = new Set<string>()
  readonly #sentAway = new Set<string>()
  #count = 0

  /** @param added the arguments that each server gets beside those of the caller */
  constructor(added: Readonly<Record<Name, JsonObject>>) {
    this.#added = added
  }

  toggle(name: Name): void {
    if (!this.down.delete(name)) this.down.add(name)
  }

  /** The next attempt at that server fails. */
  stumble(name: Name, how: Stumble): void {
    this.#stumbling.set(name, how)
  }

  /** @throws GatewayError */
  answer(name: Name, who: string, method: string, params: JsonObject): JsonObject {
    if (this.down.has(name)) throw unavailable(false)
    const stumble = this.#stumbling.get(name)
    this.#stumbling.delete(name)
    if (stumble === 'not sent') throw unavailable(false)
    const self = `${name}/${who}`
    this.served.push(self)
    const result = method === 'tools/call' ? this.#call(name, self, params) : this.#task(self, method, params)
    if (stumble === 'lost') throw unavailable(true)
    return result
  }

  #call(name: Name, self: string, params: JsonObject): JsonObject {
    const answers = this.#checked(self, params)
    const { style, ...added } = params['arguments'] as { style: Style }
    if (!isDeepStrictEqual(added, this.#added[name])) this.wrong.push(`${self} got ${JSON.stringify(added)}`)
    if (style === 'answer' || answers > 0) return { content: [], by: name }
    if (style === 'task') return this.#begin(name, self)
    if (style === 'url') return this.#sendAway(name, self)
    const { token, inputRequests } = this.#question(self)
    const requestState = `state of ${token}`
    if (style === 'state') this.#states.add(`${self} ${JSON.stringify(requestState)}`)
    return { resultType: 'input_required', inputRequests, ...(style === 'state' && { requestState }) }
  }

  /** Everything about a task that is still going on and has a question. */
  #task(self: string, method: string, params: JsonObject): JsonObject {
    this.#checked(self, params)
    const { taskId } = params
    if (!this.#tasks.has(`${self} ${String(taskId)}`))
      this.wrong.push(`${self} got the task ${String(taskId)}`)
    if (method !== 'tasks/get') return { resultType: 'complete' }
    const { inputRequests } = this.#question(self)
    return { resultType: 'complete', taskId, status: 'input_required', inputRequests }
  }

  /** The number of answers among the parameters. */
  #checked(self: string, { inputResponses, requestState }: JsonObject): number {
    const answers = isJsonObject(inputResponses) ? Object.entries(inputResponses) : []
    for (const [key, given] of answers) {
      const token = isJsonObject(given) ? String(given['content']) : ''
      if (!this.#asked.has(`${self} ${key} ${token}`)) this.wrong.push(`${self} got ${key}: ${token}`)
    }
    if (requestState !== undefined && !this.#states.has(`${self} ${JSON.stringify(requestState)}`))
      this.wrong.push(`${self} got the state ${JSON.stringify(requestState)}`)
    return answers.length
  }

  /** Servers number their questions in the same way, so that an answer fits everywhere. */
  #question(self: string): { token: string; inputRequests: JsonObject } {
    this.#count += 1
    const token = `${self} ${this.#count}`
    this.#asked.add(`${self} q ${token}`)
    return { token, inputRequests: { q: { method: 'elicitation/create', params: { token } } } }
  }

  /** Servers number their tasks in the same way. */
  #begin(name: Name, self: string): JsonObject {
    const before = [...this.#tasks].filter((task) => task.startsWith(`${name}/`))
    const taskId = `t${before.length + 1}`
    this.#tasks.add(`${self} ${taskId}`)
    return { resultType: 'task', taskId, status: 'working' }
  }

  #sendAway(name: Name, self: string): JsonObject {
    if (this.#sentAway.delete(self)) return { content: [], by: name }
    this.#sentAway.add(self)
    const params = { mode: 'url', url: 'https://example.com/', elicitationId: 'q', token: `${self} page` }
    const upstream = { code: -32_042, message: 'go there', data: { elicitations: [params] } }
    throw new GatewayError('upstream_error', undefined, { facts: { mayHaveExecuted: true, upstream } })
  }
}

function unavailable(mayHaveExecuted: boolean): GatewayError {
  return new GatewayError('upstream_unavailable', undefined, { facts: { mayHaveExecuted } })
}
