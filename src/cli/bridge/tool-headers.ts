import { hasParamHeaders, paramHeaders } from '../../calls/param-headers.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { ClientMessage } from './message.ts'

const MAX_TOOLS = 10_000

/**
 * Arguments that a tool of the modern era wants repeated in headers, as its definition says. The client of a process
 * sends no headers, so what lists say of tools is remembered on its way to the client.
 */
export class ToolHeaders {
  readonly #tools = new Map<string, JsonObject>()

  /** Takes note of the response to a request, if that lists tools. */
  learn({ method, revision }: ClientMessage, response: JsonObject): void {
    if (method !== 'tools/list' || revision === undefined) return
    const { result } = response
    const tools = isJsonObject(result) && Array.isArray(result['tools']) ? (result['tools'] as unknown[]) : []
    for (const tool of tools.filter(isJsonObject)) {
      const { name } = tool
      if (typeof name !== 'string' || this.#tools.size >= MAX_TOOLS) continue
      if (hasParamHeaders(tool)) this.#tools.set(name, tool)
      else this.#tools.delete(name)
    }
  }

  /** The headers of a call. */
  of({ method, params, revision }: ClientMessage): Record<string, string> {
    if (method !== 'tools/call' || revision === undefined) return {}
    const tool = this.#tools.get(String(params['name']))
    return (tool && paramHeaders(tool, params['arguments'])) ?? {}
  }
}
