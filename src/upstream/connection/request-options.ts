import type { RequestOptions } from './connection.ts'

const PARAMETER_HEADER = /^mcp-param-/i

/** Whether nothing but the answer concerns anybody. */
export function isPlain({ onProgress, maxTotalMs, client }: RequestOptions): boolean {
  if (onProgress !== undefined || maxTotalMs !== undefined) return false
  return client === undefined || (client.ask === undefined && client.logLevel === undefined)
}

/** The headers for a request's parameters. All others belong to the connection. */
export function parameterHeaders(
  headers: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> | undefined {
  if (headers === undefined) return undefined
  return Object.fromEntries(Object.entries(headers).filter(([name]) => PARAMETER_HEADER.test(name)))
}
