import { GatewayError } from '../errors/errors.ts'
import { isJsonObject, type JsonObject } from './json.ts'

/** More than clients can take. */
const MAX_DEPTH = 1000

/**
 * A JSON object with every text in it changed, names of members too; the same object if none changes.
 * @throws GatewayError `upstream_bad_response` for one that is nested too deeply to be looked at
 */
export function withTexts(value: JsonObject, change: (text: string) => string): JsonObject {
  const changed = mapped(value, change, 0)
  return isJsonObject(changed) ? changed : value
}

function mapped(value: unknown, change: (text: string) => string, depth: number): unknown {
  if (typeof value === 'string') return change(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH) throw new GatewayError('upstream_bad_response', 'The response is nested too deeply')
  if (Array.isArray(value)) {
    const members = value as readonly unknown[]
    const changed = members.map((member) => mapped(member, change, depth + 1))
    return changed.every((member, at) => member === members[at]) ? value : changed
  }
  const members = Object.entries(value)
  const changed = members.map(([name, member]) => [change(name), mapped(member, change, depth + 1)] as const)
  const isSame = changed.every(([name, member], at) => name === members[at]?.[0] && member === members[at][1])
  return isSame ? value : Object.fromEntries(changed)
}
