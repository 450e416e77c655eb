export type Json = Record<string, unknown>

/** The revision that VS Code speaks, also where it reads metadata. */
export const PROTOCOL_VERSION = '2025-11-25'

/** The object that a response is. @throws Error when its status is not a good one, or it is none */
export async function jsonOf(response: Response, what: string): Promise<Json> {
  const text = await response.text()
  if (!response.ok) throw new Error(`${what} was answered ${response.status}: ${text}`)
  const body: unknown = JSON.parse(text)
  if (typeof body !== 'object' || body === null) throw new Error(`${what} is no object: ${text}`)
  return body as Json
}
