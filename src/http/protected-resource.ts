import { Router } from 'express'
import { notFound } from './not-found.ts'

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

/** Where the metadata of the resource at `path` is served: the well-known path put before it (RFC 9728 §3.1). */
export function metadataUrl(publicUrl: string, path: string): string {
  const isMcp = /^\/(mcp|sse|ws)(\/|$)/.test(path) && /^[\w\-/.]*$/.test(path)
  return `${publicUrl}${WELL_KNOWN}${isMcp ? path : ''}`
}

/**
 * Protected-resource metadata, in the root form and in the form of each endpoint's path (RFC 9728 §3). The
 * gateway is one resource: every path names the same identifier, which is the audience of its tokens.
 */
export function protectedResource(options: {
  publicUrl: string
  authorizationServers: () => readonly string[]
}): Router {
  const router = Router()
  router.get([WELL_KNOWN, `${WELL_KNOWN}/{*path}`], (_request, response) => {
    const servers = options.authorizationServers()
    response.json({
      resource: options.publicUrl,
      ...(servers.length > 0 && { authorization_servers: servers }),
      bearer_methods_supported: ['header'],
      resource_name: 'Tool Gateway',
    })
  })
  // Clients look for other documents, too; none of them needs a token to be told that it is not here.
  router.get('/.well-known/{*path}', notFound)
  return router
}
