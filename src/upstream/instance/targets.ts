import type { ServerDefinition } from '../../domain/documents/server-definition.ts'

/** Where an instance is reached over HTTP, and how many calls it is to get in proportion to the others. */
export interface Target {
  readonly url: string
  readonly weight: number
}

/** The endpoints of a server; none for one that runs as processes. */
export function targetsOf(definition: ServerDefinition): readonly Target[] {
  if (definition.transport === 'stdio') return []
  const { url, instances = [] } = definition
  return url === undefined ? instances : [{ url, weight: 1 }]
}

/** The definition of a server as if the endpoint at `url` were all of it; the same for processes, which have none. */
export function definitionAt(definition: ServerDefinition, url: string | undefined): ServerDefinition {
  if (definition.transport === 'stdio' || url === undefined || definition.url === url) return definition
  const { instances: _others, ...shared } = definition
  return { ...shared, url }
}

/** A URL as operators may see it: its query may hold a key. */
export function shownUrl(url: string): string {
  const end = url.indexOf('?')
  return end === -1 ? url : url.slice(0, end)
}
