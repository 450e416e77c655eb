import { isJsonObject, type JsonObject } from '../domain/json/json.ts'

type Rename = (uri: string) => string

/**
 * Renames the URIs of resources in a result: in links and embedded resources of content and messages, in contents that
 * were read, and in the result of a task. Returns the same object if none changes.
 */
export function withUris(result: JsonObject, rename: Rename): JsonObject {
  return withMembers(result, {
    content: (value) => blockOrBlocks(value, rename),
    messages: (value) => each(value, (message) => withContent(message, rename)),
    contents: (value) => each(value, (resource) => withUri(resource, rename)),
    result: (value) => (isJsonObject(value) ? withUris(value, rename) : value),
  })
}

function withContent(message: JsonObject, rename: Rename): JsonObject {
  return withMembers(message, { content: (value) => blockOrBlocks(value, rename) })
}

function blockOrBlocks(value: unknown, rename: Rename): unknown {
  return isJsonObject(value) ? block(value, rename) : each(value, (member) => block(member, rename))
}

function block(value: JsonObject, rename: Rename): JsonObject {
  if (value['type'] === 'resource_link') return withUri(value, rename)
  if (value['type'] !== 'resource') return value
  return withMembers(value, {
    resource: (resource) => (isJsonObject(resource) ? withUri(resource, rename) : resource),
  })
}

function withUri(value: JsonObject, rename: Rename): JsonObject {
  return withMembers(value, { uri: (uri) => (typeof uri === 'string' ? rename(uri) : uri) })
}

function each(value: unknown, change: (member: JsonObject) => JsonObject): unknown {
  if (!Array.isArray(value)) return value
  const members = value as readonly unknown[]
  const changed = members.map((member) => (isJsonObject(member) ? change(member) : member))
  return changed.every((member, index) => member === members[index]) ? members : changed
}

function withMembers(
  value: JsonObject,
  changes: Readonly<Record<string, (member: unknown) => unknown>>,
): JsonObject {
  let changed = value
  for (const [name, change] of Object.entries(changes)) {
    const before = value[name]
    const after = before === undefined ? before : change(before)
    if (after !== before) changed = { ...changed, [name]: after }
  }
  return changed
}
