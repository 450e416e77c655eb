import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { Caller, CallerClient } from '../../calls/call.ts'
import { measureRequest } from '../../calls/trace.ts'
import { toGatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { DirectSession } from '../../mcp/transports/direct-session.ts'
import { type SessionRequest, sessionRequest } from '../../mcp/direct/session-request.ts'
import { forEra } from '../../mcp/era.ts'
import { traceFieldsIn } from '../../mcp/message.ts'
import { jsonRpcErrorOf } from '../../mcp/protocol-error.ts'
import type { Session } from '../../mcp/session/session-store.ts'
import type { DirectAnswer } from './direct-answer.ts'
import {
  type DirectCall,
  type DirectCaller,
  type DirectCallOptions,
  isPlainTarget,
  logInternal,
} from './direct-call.ts'

interface Given {
  readonly caller: DirectCaller
  readonly headers: IncomingHttpHeaders
  readonly response: ServerResponse
  readonly body: unknown
  readonly scope: string | undefined
  /** The session that the request names, as its principal has it. */
  readonly found: { readonly session: Session; readonly direct: DirectSession } | undefined
}

/** The call of a request in a session; undefined if it is not plain. */
export function sessionCall(options: DirectCallOptions, given: Given): DirectCall | undefined {
  const { scope, found, response, headers, body } = given
  if (found === undefined) return undefined
  const request = sessionRequest(body, headers, { methods: options.methods, scope })
  if (request === undefined) return undefined
  const { direct, session } = found
  const caller: DirectCaller = { ...given.caller, sessionId: direct.id }
  const { id, version } = request
  if (!isPlainTarget(options, caller, { ...request, scope })) return undefined
  const under = { cancel: nothing }
  try {
    direct.begin(id, {
      session,
      response,
      cancel: () => under.cancel(),
      now: () => options.clock.monotonic(),
    })
  } catch {
    return undefined
  }
  return async (answer) => {
    answer.becomeStream()
    under.cancel = () => answer.cancel()
    direct.openStream(id, version, response)
    await serve(options, { caller, request, scope, direct, answer })
    direct.end(id)
  }
}

function nothing(): void {
  // The call has not begun.
}

interface Serving {
  readonly caller: DirectCaller
  readonly request: SessionRequest
  readonly scope: string | undefined
  readonly direct: DirectSession
  readonly answer: DirectAnswer
}

async function serve(options: DirectCallOptions, serving: Serving): Promise<void> {
  const { answer, request, direct } = serving
  const { id, method, version, params } = request
  const measured = {
    method: method.name,
    over: 'mcp',
    protocolVersion: version,
    parent: traceFieldsIn(params),
  } as const
  try {
    const result = await measureRequest(measured, options, () => resultOf(options, serving))
    if (answer.signal.aborted) direct.endStream(id)
    else direct.send(id, { result, jsonrpc: '2.0', id })
  } catch (thrown) {
    if (answer.signal.aborted) return direct.endStream(id)
    direct.send(id, { jsonrpc: '2.0', id, error: jsonRpcErrorOf(toGatewayError(thrown), 'legacy') })
    logInternal(options.logger, thrown, answer)
  }
}

async function resultOf(
  { calls, catalog }: DirectCallOptions,
  { caller, request, scope, direct, answer }: Serving,
): Promise<JsonObject> {
  const { method, target, params } = request
  const { signal, requestId } = answer
  const client: CallerClient = {
    era: 'legacy',
    name: direct.client?.name,
    capabilities: {},
    logLevel: undefined,
    tell: (said, its) =>
      direct.send(request.id, { jsonrpc: '2.0', method: said, ...(its !== undefined && { params: its }) }),
  }
  const sender: Caller = {
    ...caller,
    transport: 'streamable-http',
    requestId,
    ...(direct.client !== undefined && { client: direct.client }),
  }
  const result = await calls.run(sender, { ...target, scope, method, params, signal, client })
  const listed = catalog.find('tool', caller.principal.tenantId, scope, target.name)?.listed
  return forEra('legacy', method, result, listed)
}
