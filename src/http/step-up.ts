import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express'
import { refusalForScope } from '../calls/authorize.ts'
import type { Operation } from '../calls/call.ts'
import type { Calls } from '../calls/calls.ts'
import { METHODS } from '../calls/methods.ts'
import { traceRequest } from '../calls/trace.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { isJsonObject } from '../domain/json/json.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { Principal } from '../domain/principal.ts'
import { identityOf } from '../identity/identity.ts'
import { metadataChallenge, quotable, type ResourceOptions, stepUpChallenge } from './protected-resource.ts'

interface StepUpOptions {
  readonly catalog: Catalog
  readonly calls: Calls
}

const MCP_PATH = /^\/mcp(?:\/([^/]{1,64}))?\/?$/
const METHOD = METHODS.toolsCall

/**
 * Refuses a tool call over Streamable HTTP whose token lacks a scope with HTTP 403, in front of the conversation, which
 * would answer it with 200: clients read the challenge of a 403 (MCP 2026-07-28, Authorization, scope challenges). The
 * call is refused where every call is, so that it is recorded.
 */
export function refuseWithoutScope({ catalog, calls }: StepUpOptions): RequestHandler {
  return async (request, response, next) => {
    const operation = toolCallIn(request, response)
    if (operation === undefined) return next()
    const { principal, requestId, clientName, address } = identityOf(response)
    const sessionId = request.get('mcp-session-id')
    const caller = {
      principal,
      requestId,
      clientName,
      address,
      sessionId,
      transport: 'streamable-http',
    } as const
    const refusal = refusalForScope(caller, operation, catalog)
    if (refusal === undefined) return next()
    // If the registry allows the call by the time that it is decided, it must not run in front of its conversation.
    const check = (): never => {
      throw refusal
    }
    await traceRequest({ method: METHOD.name, over: 'mcp' }, () => calls.run(caller, { ...operation, check }))
  }
}

/** The value of `WWW-Authenticate` for an error; undefined for all but a token that lacks a scope. */
export type ChallengeForScope = (error: unknown, principal: Principal, path: string) => string | undefined

/** Makes the challenges that lead a client to a token with the scopes that are missing (RFC 6750 §3.1). */
export function challengesForScope(resource: ResourceOptions): ChallengeForScope {
  return (error, { scopes: granted }, path) => {
    if (!(error instanceof GatewayError) || error.code !== 'insufficient_scope') return undefined
    const leads = resource.authorizationServers().length > 0
    const parts = [
      'error="insufficient_scope"',
      `error_description="${quotable(error.message)}"`,
      ...stepUpChallenge(error.facts.scopes ?? [], granted),
      ...(leads ? metadataChallenge(resource, path) : []),
    ]
    return `Bearer ${parts.join(', ')}`
  }
}

/** Adds the challenge to the answer to a request that failed for want of a scope. */
export function addChallenge(challengeFor: ChallengeForScope): ErrorRequestHandler {
  // Express tells error handlers by their four parameters.
  // oxlint-disable-next-line max-params
  return (thrown: unknown, request, response, next) => {
    const principal = response.locals.identity?.principal
    const challenge = principal && challengeFor(thrown, principal, request.path)
    if (challenge !== undefined) response.setHeader('WWW-Authenticate', challenge)
    next(thrown)
  }
}

function toolCallIn(request: Request, response: Response): Operation | undefined {
  const path = request.method === 'POST' ? MCP_PATH.exec(request.path) : null
  const body: unknown = request.body
  if (path === null || !isJsonObject(body) || body['method'] !== METHOD.name) return undefined
  const params = isJsonObject(body['params']) ? body['params'] : {}
  const { name } = params
  // A message without an id is no request, and gets no answer.
  if (typeof name !== 'string' || body['id'] === undefined) return undefined
  const abort = new AbortController()
  response.once('close', () => abort.abort())
  const { action, kind } = METHOD
  return { action, kind, name, scope: path[1], method: METHOD, params, signal: abort.signal }
}
