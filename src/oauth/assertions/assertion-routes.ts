import { Router } from 'express'
import { type Assertions, ASSERTION_PATHS } from '../../identity/own-issuer/assertions.ts'

const CACHED = 'public, max-age=300'

/** Where servers get the keys of the gateway's assertions: a key set, and the metadata that lead to it. */
export function assertionRoutes(assertions: Assertions): Router {
  const router = Router()
  const { issuer } = assertions
  router.get(ASSERTION_PATHS.metadata, (_request, response) => {
    response.set('Cache-Control', CACHED).json({
      issuer,
      jwks_uri: `${issuer}/jwks`,
      id_token_signing_alg_values_supported: ['ES256'],
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
    })
  })
  router.get(ASSERTION_PATHS.jwks, async (_request, response) => {
    response.set('Cache-Control', CACHED).json(await assertions.publicKeys())
  })
  return router
}
