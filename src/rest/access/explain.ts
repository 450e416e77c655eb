import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { GatewayError } from '../../domain/errors/errors.ts'
import { identityOf } from '../../identity/identity.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { bodyOf } from '../query.ts'
import type { ExplanationAnswer } from './answer.ts'
import { askedBody, askerOf, type AskerRules, subjectBody } from './asker.ts'
import { ownAnswer } from './own-answer.ts'
import { type Asked, targetOf } from './target.ts'
import { type Sources, wholeAnswer } from './whole-answer.ts'

/** What answers questions about access. */
export interface ExplainOptions extends AskerRules, Sources {}

/** The body of a question. */
export const explainBody = z.strictObject({ ...askedBody, principal: subjectBody.optional() })

/**
 * `POST /v1/access:explain`: why a caller may or may not use something. Everybody may ask about themselves, and learns
 * no more than a call would tell; operators about anybody in their tenant.
 */
export function explainRoutes(options: ExplainOptions): Router {
  const router = Router()
  router.post('/access\\:explain', (request, response) => {
    response.json(answerTo(options, request, response))
  })
  router.all('/access\\:explain', methodNotAllowed('POST'))
  return router
}

function answerTo(options: ExplainOptions, request: Request, response: Response): ExplanationAnswer {
  const body = bodyOf(explainBody, request)
  const asked = askedIn(body)
  const asker = askerOf(options, request, identityOf(response).principal, body.principal)
  const found = targetOf(options.catalog, asker.about.tenantId, asked, { isElsewhere: asker.isAdmin })
  return asker.isOperator
    ? wholeAnswer(options, asker, { asked, found })
    : ownAnswer(options, asker, { asked, found })
}

function askedIn({ tool, prompt, resource, server }: z.output<typeof explainBody>): Asked {
  const given = Object.entries({ tool, prompt, resource }).filter(([, name]) => name !== undefined)
  if (given.length > 1) throw new GatewayError('invalid_request', 'Give one of tool, prompt and resource')
  const scope = server === undefined ? {} : { server }
  if (tool !== undefined) return { kind: 'tool', name: tool, ...scope }
  if (prompt !== undefined) return { kind: 'prompt', name: prompt, ...scope }
  if (resource !== undefined && server === undefined)
    throw new GatewayError('invalid_request', 'server is missing: name the server of the resource')
  if (resource !== undefined) return { kind: 'resource', name: resource, ...scope }
  if (server !== undefined) return { kind: 'server', name: server }
  throw new GatewayError('invalid_request', 'The body names nothing: give tool, prompt, resource or server')
}
