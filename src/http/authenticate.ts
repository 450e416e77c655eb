import type { Request, RequestHandler, Response } from 'express'
import { narrowAgent } from '../auth/agent-header.ts'
import { setIdentity } from '../auth/identity.ts'
import type { TokenVerifier } from '../auth/token-verifier.ts'
import { GatewayError, toGatewayError } from '../domain/errors.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { metadataUrl } from './protected-resource.ts'
import { requestIdOf } from './request-context.ts'

interface AuthenticateOptions {
  readonly verifier: TokenVerifier
  /** Whether a tenant's `x-agent-name` header is believed without the token's consent. */
  readonly trustsAgentHeader: (tenantId: string) => boolean
  readonly publicUrl: string
  readonly metrics: Metrics
}

const MAX_CLIENT_NAME = 128

/**
 * Verifies the bearer token of every request and puts the principal beside the request. A refusal carries the
 * challenge that leads a client to the authorization servers (RFC 6750 §3, RFC 9728 §5.1).
 */
export function authenticate(options: AuthenticateOptions): RequestHandler {
  return async (request, response, next) => {
    try {
      const verified = await options.verifier.verify(bearerToken(request))
      const principal = narrowAgent(verified, request.get('x-agent-name'), options.trustsAgentHeader)
      const clientName = request.get('x-client-name')?.slice(0, MAX_CLIENT_NAME)
      setIdentity(request, { principal, requestId: requestIdOf(response), clientName })
    } catch (thrown) {
      const error = toGatewayError(thrown)
      options.metrics.authFailure(error.code)
      challenge(request, response, error, options.publicUrl)
      throw error
    }
    next()
  }
}

function bearerToken(request: Request): string {
  const header = request.get('authorization')
  if (header === undefined) throw new GatewayError('missing_token')
  const match = /^Bearer +([^\s,]+) *$/i.exec(header)
  if (match?.[1] === undefined)
    throw new GatewayError('invalid_token', 'The Authorization header is not "Bearer <token>"')
  return match[1]
}

function challenge(request: Request, response: Response, error: GatewayError, publicUrl: string): void {
  if (error.code !== 'missing_token' && error.code !== 'invalid_token') return
  const parts = [`resource_metadata="${metadataUrl(publicUrl, request.path)}"`]
  if (error.code === 'invalid_token')
    parts.unshift('error="invalid_token"', `error_description="${quotable(error.message)}"`)
  response.setHeader('WWW-Authenticate', `Bearer ${parts.join(', ')}`)
}

/** What may stand between the quotes of a challenge (RFC 6750 §3). */
function quotable(text: string): string {
  return text.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '')
}
