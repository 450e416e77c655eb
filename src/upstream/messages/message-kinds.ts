import { specTypeSchemas } from '@modelcontextprotocol/client'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'

interface Parsed {
  readonly success: boolean
  readonly data?: unknown
  readonly error?: unknown
}

interface Schema {
  parse: (value: unknown) => unknown
  safeParse: (value: unknown) => Parsed
}

const TOLD_APART = Symbol('kinds are told apart')

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
  const any = schemaOf('JSONRPCMessage')
  if (any === undefined || Object.hasOwn(any, TOLD_APART)) return
  const kinds = Object.entries(OTHERS).flatMap(([name, isOther]) => {
    const schema = schemaOf(name)
    return schema === undefined ? [] : [{ isOther, schema }]
  })
  for (const { isOther, schema } of kinds) {
    const check = schema.safeParse.bind(schema)
    schema.safeParse = (value) =>
      isJsonObject(value) && isOther(value) ? new OtherKind(() => check(value).error) : check(value)
  }
  const parse = any.parse.bind(any)
  any.parse = (value) => {
    const kind = isJsonObject(value) ? kinds.find(({ isOther }) => !isOther(value)) : undefined
    const parsed = kind?.schema.safeParse(value)
    return parsed?.success === true ? parsed.data : parse(value)
  }
  Object.assign(any, { [TOLD_APART]: true })
}

function schemaOf(name: string): Schema | undefined {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- they are schemas of zod, which the test relies on, too
  return (specTypeSchemas as unknown as Readonly<Record<string, Schema>>)[name]
}
