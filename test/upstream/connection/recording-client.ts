import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { ClientSide } from '../../../src/upstream/messages/client-side.ts'

interface Asked {
  readonly method: string
  readonly params: JsonObject | undefined
  readonly signal: AbortSignal
  readonly answer: (result: JsonObject) => void
  readonly refuse: (error: unknown) => void
}

/** A client that notes what it is told and asked; the test answers. */
export class RecordingClient implements ClientSide {
  readonly capabilities: JsonObject
  readonly logLevel: string | undefined
  readonly told: { readonly method: string; readonly params: JsonObject | undefined }[] = []
  readonly asked: Asked[] = []
  #reply: JsonObject | undefined

  constructor(capabilities: JsonObject = { elicitation: {}, sampling: {}, roots: {} }, logLevel?: string) {
    this.capabilities = capabilities
    this.logLevel = logLevel
  }

  /** Gives this answer to everything from now on. */
  replying(reply: JsonObject): this {
    this.#reply = reply
    return this
  }

  ask(
    method: string,
    params: JsonObject | undefined,
    { signal }: { signal: AbortSignal },
  ): Promise<JsonObject> {
    const { promise, resolve, reject } = Promise.withResolvers<JsonObject>()
    this.asked.push({ method, params, signal, answer: resolve, refuse: reject })
    if (this.#reply !== undefined) resolve(this.#reply)
    return promise
  }

  tell(method: string, params: JsonObject | undefined): void {
    this.told.push({ method, params })
  }
}
