import { aliasOf, splitAlias } from '../catalog/resource-alias.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'

/** Name under which clients and servers declare the skills extension of MCP. */
export const SKILLS_EXTENSION = 'io.modelcontextprotocol/skills'

/** An entry of `skills/list` for the merged view, with each URI replaced by its alias. */
export function skillUnder(serverName: string, skill: unknown): unknown {
  if (!isJsonObject(skill)) return skill
  const { resources } = skill
  return withAlias(serverName, {
    ...skill,
    ...(Array.isArray(resources) && { resources: allWithAlias(serverName, resources) }),
  })
}

/** The result of `skills/get` or `resources/directory/read` for a caller that addressed the target by an alias. */
export function skillResultUnder(result: JsonObject, own: string, used: string): JsonObject {
  const serverName = own === used ? undefined : splitAlias(used)?.serverName
  if (serverName === undefined) return result
  const { skill, resources } = result
  return {
    ...result,
    ...(skill !== undefined && { skill: skillUnder(serverName, skill) }),
    ...(Array.isArray(resources) && { resources: allWithAlias(serverName, resources) }),
  }
}

function allWithAlias(serverName: string, items: readonly unknown[]): unknown[] {
  return items.map((item) => (isJsonObject(item) ? withAlias(serverName, item) : item))
}

function withAlias(serverName: string, item: JsonObject): JsonObject {
  const { uri } = item
  return typeof uri === 'string' ? { ...item, uri: aliasOf(serverName, uri) } : item
}
