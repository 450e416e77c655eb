import { isJsonObject, type JsonObject } from '../domain/json/json.ts'

/** Hosts of MCP Apps only show URIs of this scheme, so the alias keeps it. */
const UI = 'ui://'
const ALIAS = /^(ui:\/\/)?([a-z][a-z0-9-]{0,39})\+([^]+)$/

/**
 * The alias of a server's URI or URI template in the merged view, where the URI itself would not resolve to that
 * server: `<server>+<uri>`, and `ui://<server>+…` for the scheme `ui`.
 */
export function aliasOf(serverName: string, uri: string): string {
  return uri.startsWith(UI) ? `${UI}${serverName}+${uri.slice(UI.length)}` : `${serverName}+${uri}`
}

/** The server and its own URI that an alias of {@link aliasOf} names; undefined if the URI is not an alias. */
export function splitAlias(uri: string): { serverName: string; uri: string } | undefined {
  const [, scheme = '', serverName, rest] = ALIAS.exec(uri) ?? []
  return serverName === undefined || rest === undefined ? undefined : { serverName, uri: scheme + rest }
}

/**
 * The result of `resources/read` for the caller: contents of the resource that was read get the URI that the caller
 * used.
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
 * The parameters of `notifications/resources/updated` for a caller that subscribed with `used`. If the server names a
 * part of the resource, the part gets an alias of the same server.
 */
export function updateUnder(params: JsonObject, own: string, used: string): JsonObject {
  const { uri } = params
  const alias = splitAlias(used)
  if (own === used || alias === undefined || typeof uri !== 'string') return params
  return { ...params, uri: uri === own ? used : aliasOf(alias.serverName, uri) }
}
