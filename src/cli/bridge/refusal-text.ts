import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { printableLine } from '../../domain/text/printable.ts'

const MAX_SHOWN = 300

/**
 * What the body of a refusal says: the message of a JSON-RPC error, the details of a problem, or the beginning of its text;
 * nothing for a page.
 */
export function reasonIn(body: string): string {
  const { error, detail, error_description: description } = objectIn(body)
  const inner = isJsonObject(error) ? error['message'] : undefined
  const found = [inner, detail, description, error].find((each) => typeof each === 'string')
  if (typeof found === 'string') return printableLine(found).slice(0, MAX_SHOWN)
  return body.trimStart().startsWith('<') ? '' : printableLine(body.slice(0, MAX_SHOWN))
}

function objectIn(body: string): JsonObject {
  try {
    const value: unknown = JSON.parse(body)
    return isJsonObject(value) ? value : {}
  } catch {
    return {}
  }
}
