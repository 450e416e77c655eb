import { Router } from 'express'
import { methodNotAllowed } from '../rest/method-not-allowed.ts'
import { errorsAt, problemOf } from '../rest/problem.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import { basePathOf, publicPath } from '../domain/public-path.ts'
import { corsForAll, preflight } from './middleware/cors.ts'
import { nothingAt, notFound } from './middleware/error-handler.ts'
import { requestIdOf } from '../identity/identity.ts'
import { SCOPE } from './scopes.ts'

/** Where clients get tokens. */
export interface ResourceOptions {
  readonly publicUrl: string
  readonly authorizationServers: () => readonly string[]
  /** Scopes that clients should ask for. */
  readonly scopes: () => readonly string[]
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource'
/** Paths that can be in a challenge; no other path is a resource. */
const PLAIN_PATH = /^[\w\-./~]{0,256}$/
/** Paths that clients guess if they find no authorization server (MCP 2025-03-26, fallbacks). */
const GUESSED_ENDPOINTS = ['/register', '/authorize', '/token']
const NO_AUTHORIZATION_SERVER =
  'This gateway has no authorization server, so clients cannot register or log in here. Send a token in the Authorization header; "tool-gateway token" creates one.'

/** The scopes to ask for, as a parameter of a challenge (RFC 6750 §3). */
export function scopeChallenge({ scopes, authorizationServers }: ResourceOptions): string[] {
  const wanted = authorizationServers().length > 0 ? scopes() : []
  return wanted.length > 0 ? [`scope="${wanted.join(' ')}"`] : []
}

/** The scopes of a challenge to a token that lacks some: those that it has, too, so that a client loses none of them. */
export function stepUpChallenge(needed: readonly string[], granted: readonly string[]): string[] {
  const wanted = [...new Set([...needed, ...granted])].filter((scope) => SCOPE.test(scope))
  return [`scope="${wanted.join(' ')}"`]
}

/** The parameter of a challenge that leads to the metadata of the resource at `path` (RFC 9728 §5.1). */
export function metadataChallenge({ publicUrl }: ResourceOptions, path: string): string[] {
  return [`resource_metadata="${metadataUrl(publicUrl, path)}"`]
}

/** What may stand between the quotes of a challenge (RFC 6750 §3). */
export function quotable(text: string): string {
  return text.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '')
}

/** Below PUBLIC_URL, which surely leads here, and with its whole path, so that one address means one resource. */
function metadataUrl(publicUrl: string, path: string): string {
  const isMcp = /^\/(mcp|sse|ws)(\/|$)/.test(path) && PLAIN_PATH.test(path)
  return `${publicUrl}${WELL_KNOWN}${publicPath(publicUrl, isMcp ? path : '')}`
}

/**
 * Protected-resource metadata, in the root form and in the form of each path (RFC 9728 §3): the resource is PUBLIC_URL
 * with the path that was asked for, which is what clients compare with the URL that they were given.
 */
export function protectedResource(options: ResourceOptions): Router {
  const router = Router()
  router.use('/.well-known', corsForAll, preflight)
  const paths = [WELL_KNOWN, `${WELL_KNOWN}/{*path}`]
  router.get(paths, (request, response) => {
    const path = withoutBase(request.path.slice(WELL_KNOWN.length), basePathOf(options.publicUrl))
    if (!PLAIN_PATH.test(path)) throw nothingAt(request)
    const servers = options.authorizationServers()
    const scopes = options.scopes()
    response.json({
      resource: `${options.publicUrl}${path}`,
      ...(servers.length > 0 && { authorization_servers: servers }),
      ...(scopes.length > 0 && { scopes_supported: scopes }),
      bearer_methods_supported: ['header'],
      resource_name: 'Tool Gateway',
    })
  })
  router.all(paths, methodNotAllowed('GET'))
  // Clients look for other documents, too; none of them needs a token to be told that it is not here.
  router.get('/.well-known/{*path}', notFound)
  router.all(GUESSED_ENDPOINTS, corsForAll, preflight, (_request, response, next) => {
    if (options.authorizationServers().length > 0) return next()
    const error = new GatewayError('not_found', NO_AUTHORIZATION_SERVER)
    const problem = problemOf(error, requestIdOf(response), errorsAt(options.publicUrl))
    // The two members that OAuth clients read and show (RFC 7591 §3.2.2).
    response.status(404).json({ ...problem, error: 'invalid_request', error_description: problem['detail'] })
  })
  return router
}

/** The path within the gateway, of one that may begin with that of PUBLIC_URL (RFC 9728 §3.1). */
function withoutBase(path: string, base: string): string {
  return path === base || path.startsWith(`${base}/`) ? path.slice(base.length) : path
}
