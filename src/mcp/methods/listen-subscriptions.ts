import { mapBounded } from '../../domain/concurrency/map-bounded.ts'
import { Turns } from '../../domain/concurrency/turns.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { Caller } from '../../calls/call.ts'
import type { Calls } from '../../calls/calls.ts'
import { MAX_URI_LENGTH } from '../../calls/target-names.ts'
import { METHODS } from '../../calls/methods.ts'

const MAX_SUBSCRIPTIONS = 200
/** Subscriptions of one request that are under way at a time. */
const AT_ONCE = 10
/** One for the process, as its event loop is: each URI is decided and recorded as a request is. */
const turns = new Turns({ atOnce: AT_ONCE })

/** The resource subscriptions of one `subscriptions/listen` stream. */
export interface ListenSubscriptions {
  /** The accepted subscriptions, by the caller's URIs. */
  readonly uris: readonly string[]
  readonly release: () => void
}

/**
 * Subscribes to the resources that a `subscriptions/listen` request names, a few in each turn of the event loop, tenants in
 * turn, and to no further one once `signal` aborts; settles when nothing of it is under way any more. A resource that the
 * caller may not read, or whose server does not support subscriptions, is left out and not acknowledged (MCP 2026-07-28,
 * subscriptions).
 */
export async function subscribeAll(
  calls: Calls,
  options: {
    caller: Caller
    scope: string | undefined
    request: unknown
    signal: AbortSignal
    /** Gets the subscribed URI and the parameters of the notification. */
    onUpdated: (uri: string, params: JsonObject) => void
  },
): Promise<ListenSubscriptions> {
  const { caller, scope, signal, onUpdated } = options
  const releases: (() => void)[] = []
  const subscribe = (uri: string): Promise<unknown> =>
    calls.run(caller, {
      action: 'subscribe',
      kind: 'resource',
      name: uri,
      scope,
      method: METHODS.subscribe,
      params: { uri },
      signal,
      watch: {
        onUpdated: (params) => onUpdated(uri, params),
        onWatching: (release) => releases.push(release),
      },
    })
  const wanted = wantedUris(options.request)
  const accepted = new Set<string>()
  await mapBounded(wanted, { limit: AT_ONCE }, async (uri) => {
    await turns.next(caller.principal.tenantId)
    if (signal.aborted) return
    await subscribe(uri).then(
      () => accepted.add(uri),
      () => undefined,
    )
  })
  return {
    uris: wanted.filter((uri) => accepted.has(uri)),
    release: () => {
      for (const release of releases.splice(0)) release()
    },
  }
}

/** The request with its resource subscriptions replaced by `uris`. */
export function withSubscriptions(request: unknown, uris: readonly string[]): unknown {
  const notifications = filterIn(request)
  if (notifications === undefined || !isJsonObject(request) || !isJsonObject(request['params']))
    return request
  const { resourceSubscriptions: _wanted, ...rest } = notifications
  const honoured = uris.length === 0 ? rest : { ...rest, resourceSubscriptions: uris }
  return { ...request, params: { ...request['params'], notifications: honoured } }
}

function wantedUris(request: unknown): string[] {
  const wanted = filterIn(request)?.['resourceSubscriptions']
  if (!Array.isArray(wanted)) return []
  const uris = wanted.filter(
    (uri): uri is string => typeof uri === 'string' && uri !== '' && uri.length <= MAX_URI_LENGTH,
  )
  return [...new Set(uris)].slice(0, MAX_SUBSCRIPTIONS)
}

function filterIn(request: unknown): JsonObject | undefined {
  const params = isJsonObject(request) ? request['params'] : undefined
  const notifications = isJsonObject(params) ? params['notifications'] : undefined
  return isJsonObject(notifications) ? notifications : undefined
}
