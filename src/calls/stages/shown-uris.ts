import type { Catalog } from '../../catalog/catalog.ts'
import { aliasOf } from '../../catalog/resource-alias.ts'
import { withUris } from '../../catalog/result-uris.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import type { Operation } from '../call.ts'
import type { RoutedCall, StageFor } from '../stage.ts'
import { METHODS } from '../methods.ts'
import { routeOf } from '../router.ts'

/** URIs that a client fetches itself, unless a server lists them. */
const FETCHED = /^(?:https?|data):/i
/** Resolving a URI checks every server; above this number of URIs, aliases are used, which are always correct. */
const MAX_LOOKS = 1000

/**
 * Stage: when all servers are addressed together, replaces each URI in a result that would not resolve to the answering
 * server by its alias. A step of a pipeline gets the server's own URIs.
 */
export function shownUris(catalog: Catalog): StageFor {
  return ({ method }) => {
    if (method.namesResources !== true) return undefined
    return async (call, next) => {
      const answer = await next(call)
      const { scope, isStep } = call.operation
      const isSame = scope !== undefined || isStep === true || answer.raw?.mayMention('uri') === false
      if (isSame) return answer
      return { ...answer, result: withUris(answer.result, shownUri(call, catalog)) }
    }
  }
}

/** The URI that the caller gets for a URI from the server of the route. */
function shownUri(
  { caller, operation, route: { server } }: RoutedCall,
  catalog: Catalog,
): (uri: string) => string {
  const known = new Map<string, string>()
  const look = (uri: string): string => {
    if (known.size >= MAX_LOOKS) return aliasOf(server.name, uri)
    const routing = routeOf(caller, readingOf(uri, operation), catalog)
    if (!routing.found) return FETCHED.test(uri) ? uri : aliasOf(server.name, uri)
    const { route } = routing
    const isOwn = serverKey(route.server) === serverKey(server) && route.name === uri
    return isOwn ? uri : aliasOf(server.name, uri)
  }
  return (uri) => {
    // The URI that the caller used to read the resource.
    if (uri === '' || (operation.kind === 'resource' && uri === operation.name)) return uri
    const shown = known.get(uri) ?? look(uri)
    known.set(uri, shown)
    return shown
  }
}

function readingOf(uri: string, { signal, client }: Operation): Operation {
  return {
    action: 'read',
    kind: 'resource',
    name: uri,
    scope: undefined,
    method: METHODS.resourcesRead,
    params: {},
    signal,
    ...(client !== undefined && { client }),
  }
}
