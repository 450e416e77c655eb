import { isJsonObject, type JsonObject } from '../domain/json/json.ts'

/** Hosts of MCP Apps show nothing whose URI has another scheme, so the alias keeps it. */
const UI = 'ui://'
const ALIAS = /^(ui:\/\/)?([a-z][a-z0-9-]{0,39})\+([^]+)$/

/**
 * The URI, or URI template, under which the merged view shows a server's own where that would not lead to it:
 * `<server>+<uri>`, and `ui://<server>+…` for one of scheme `ui`.
 */
export function aliasOf(serverName: string, uri: string): string {
  return uri.startsWith(UI) ? `${UI}${serverName}+${uri.slice(UI.length)}` : `${serverName}+${uri}`
}

/** The server that a URI names as {@link aliasOf} does, and that server's own URI; undefined when it names none. */
export function splitAlias(uri: string): { serverName: string; uri: string } | undefined {
  const [, scheme = '', serverName, rest] = ALIAS.exec(uri) ?? []
  return serverName === undefined || rest === undefined ? undefined : { serverName, uri: scheme + rest }
}

/**
 * The result of `resources/read` as the caller gets it: contents of the very resource that was read are shown under
 * the URI that the caller used for it.
 */
export function contentsUnder(result: JsonObject, own: string, used: string): JsonObject {
  const { contents } = result
  if (own === used || !Array.isArray(contents)) return result
  const shown = (contents as readonly unknown[]).map((content) =>
    isJsonObject(content) && content['uri'] === own ? { ...content, uri: used } : content,
  )
  return { ...result, contents: shown }
}

/**
 * The parameters of `notifications/resources/updated` as the caller gets them that subscribed with `used`. A server
 * may name a part of the resource instead, which then has the alias that leads to the same server.
 */
export function updateUnder(params: JsonObject, own: string, used: string): JsonObject {
  const { uri } = params
  const alias = splitAlias(used)
  if (own === used || alias === undefined || typeof uri !== 'string') return params
  return { ...params, uri: uri === own ? used : aliasOf(alias.serverName, uri) }
}
