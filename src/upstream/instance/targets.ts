import { isHttp, type ServerDefinition } from '../../domain/documents/server-definition.ts'

/** The endpoint of an instance over HTTP, and its weight in load balancing. */
export interface Target {
  readonly url: string
  readonly weight: number
}

/** The endpoints of a server; none for one that runs as processes. */
export function targetsOf(definition: ServerDefinition): readonly Target[] {
  if (!isHttp(definition)) return []
  const { url, instances = [] } = definition
  return url === undefined ? instances : [{ url, weight: 1 }]
}

/** The definition of a server with only the endpoint at `url`; unchanged for processes, which have none. */
export function definitionAt(definition: ServerDefinition, url: string | undefined): ServerDefinition {
  if (!isHttp(definition) || url === undefined || definition.url === url) return definition
  const { instances: _others, ...shared } = definition
  return { ...shared, url }
}

/** A URL as operators may see it, without its query, which may contain a key. */
export function shownUrl(url: string): string {
  const end = url.indexOf('?')
  return end === -1 ? url : url.slice(0, end)
}
