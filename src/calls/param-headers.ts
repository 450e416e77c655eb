import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { headerText } from '../domain/text/header-text.ts'

const PREFIX = 'Mcp-Param-'
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const MAX_DEPTH = 16

interface Declaration {
  readonly header: string
  /** Names of the properties from the arguments down to the value. */
  readonly path: readonly string[]
}

const NONE: readonly Declaration[] = []
/** Definitions live as long as their catalog; each is searched once. */
const known = new WeakMap<JsonObject, readonly Declaration[]>()

/**
 * The `Mcp-Param-*` headers of a call: the arguments whose properties the tool's input schema marks with
 * `x-mcp-header` (MCP 2026-07-28, Streamable HTTP, custom headers from tool parameters).
 * @param tool the tool's definition as its server gave it
 */
export function paramHeaders(tool: JsonObject, args: unknown): Record<string, string> | undefined {
  const declarations = declarationsOf(tool)
  if (declarations.length === 0 || !isJsonObject(args)) return undefined
  const headers = declarations.flatMap(({ header, path }) => {
    const value = textOf(valueAt(args, path))
    return value === undefined ? [] : [[header, headerText(value)] as const]
  })
  return headers.length === 0 ? undefined : Object.fromEntries(headers)
}

/** Whether a tool has arguments that clients must repeat in headers. */
export function hasParamHeaders(tool: JsonObject): boolean {
  return declarationsOf(tool).length > 0
}

function declarationsOf(tool: JsonObject): readonly Declaration[] {
  const before = known.get(tool)
  if (before !== undefined) return before
  const found = [...declarationsIn(tool['inputSchema'], [])]
  const declarations = found.length === 0 ? NONE : found
  known.set(tool, declarations)
  return declarations
}

function* declarationsIn(schema: unknown, path: readonly string[]): Generator<Declaration> {
  if (!isJsonObject(schema) || path.length > MAX_DEPTH) return
  const name = schema['x-mcp-header']
  if (typeof name === 'string' && TOKEN.test(name) && path.length > 0)
    yield { header: `${PREFIX}${name}`, path }
  const { properties } = schema
  if (!isJsonObject(properties)) return
  for (const [key, property] of Object.entries(properties)) yield* declarationsIn(property, [...path, key])
}

function valueAt(args: JsonObject, path: readonly string[]): unknown {
  let value: unknown = args
  for (const key of path) value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
  return value
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value)
}
