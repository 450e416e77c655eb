import type { Catalog } from '../../catalog/catalog.ts'
import { aliasOf } from '../../catalog/resource-alias.ts'
import { withUris } from '../../catalog/result-uris.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import type { Call, Operation, Route, Stage } from '../call.ts'
import { routeOf } from '../router.ts'

/** Methods whose results may name resources. */
const METHODS: ReadonlySet<string> = new Set([
  'tools/call',
  'prompts/get',
  'resources/read',
  'tasks/get',
  'tasks/result',
])
/** What a client fetches by itself, unless a server has it. */
const FETCHED = /^(?:https?|data):/i
/** To find out where a URI leads takes a look at every server; an alias leads to the right one in any case. */
const MAX_LOOKS = 1000

/**
 * Stage: where all servers are addressed together, the URIs in a result that would not lead to the server that answered
 * are shown under the alias that does. A step of a pipeline gets them as the server knows them.
 */
export function shownUris(catalog: Catalog): Stage {
  return async (call, next) => {
    const result = await next()
    const { operation, route } = call
    if (route === undefined || !METHODS.has(operation.method)) return result
    return withUris(result, shownUri(call, route, catalog))
  }
}

/** The name under which the caller gets a URI that the server of a route gave. */
function shownUri(
  { caller, operation }: Pick<Call, 'caller' | 'operation'>,
  { server }: Route,
  catalog: Catalog,
): (uri: string) => string {
  if (operation.scope !== undefined || operation.isStep === true) return (uri) => uri
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
    // The caller's own name of what it reads.
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
    method: 'resources/read',
    params: {},
    signal,
    ...(client !== undefined && { client }),
  }
}
