import { specTypeSchemas } from '@modelcontextprotocol/client'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'

interface Schema {
  safeParse: (value: unknown) => { readonly success: boolean; readonly error?: unknown }
}

/** The kinds of messages by their names in the SDK, each with what is surely none of it. */
const OTHERS: Readonly<Record<string, (message: JsonObject) => boolean>> = {
  JSONRPCResultResponse: (message) => !('result' in message),
  JSONRPCErrorResponse: (message) => !('error' in message),
  JSONRPCRequest: (message) => !('method' in message && 'id' in message),
  JSONRPCNotification: (message) => !('method' in message) || 'id' in message,
}

/** That a message is of another kind. What the schema has against it is found when it is asked for. */
class OtherKind {
  readonly success = false
  readonly #explain: () => unknown

  constructor(explain: () => unknown) {
    this.#explain = explain
  }

  get error(): unknown {
    return this.#explain()
  }
}

/**
 * Has the SDK tell messages of another kind apart without a schema. It asks the schema of each kind of every message, and a
 * refusal of zod is an object with a shape of its own, which lives on among old objects until those are collected: a
 * flood of notifications filled the memory with them. What is decided stays the same. Once for the process.
 */
export function tellKindsApart(): void {
  for (const [name, isOther] of Object.entries(OTHERS)) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- schemas of the SDK are of zod; the test says so
    const schema = (specTypeSchemas as unknown as Record<string, Schema>)[name]
    if (schema === undefined || Object.hasOwn(schema, MARK)) continue
    const parse = schema.safeParse.bind(schema)
    const safeParse = (value: unknown): ReturnType<Schema['safeParse']> =>
      isJsonObject(value) && isOther(value) ? new OtherKind(() => parse(value).error) : parse(value)
    Object.assign(schema, { safeParse, [MARK]: true })
  }
}

const MARK = Symbol('kinds are told apart')
