import { Router } from 'express'
import type { Administration } from '../../audit/administration.ts'
import { ALL_TENANTS } from '../../domain/principal.ts'
import { identityOf } from '../../identity/identity.ts'
import type { Rotated, Vault } from '../../secrets/vault/vault.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { needAdmin } from './managed-server.ts'

interface VaultRouteOptions {
  readonly vault: Pick<Vault, 'rotate'>
  readonly platformAdminRole: string
  readonly acts: Administration
}

/** `POST /v1/vault/rotate`, for the platform's administrators: every entry of the vault is encrypted with new keys. */
export function vaultRoutes({ vault, platformAdminRole, acts }: VaultRouteOptions): Router {
  const router = Router()
  /** Who asks while it runs gets its outcome. */
  let running: Promise<Rotated> | undefined
  const rotate = (): Promise<Rotated> => (running ??= vault.rotate().finally(() => (running = undefined)))

  router.post('/vault/rotate', async (_request, response) => {
    const identity = identityOf(response)
    needAdmin(identity.principal, platformAdminRole, 'Changing the keys of the vault')
    const outcome = await acts.perform(identity, rotate, (change) => ({
      action: 'vault.rotate',
      object: { tenantId: ALL_TENANTS, name: 'vault' },
      change: { ...change },
    }))
    response.json(outcome)
  })

  router.all('/vault/rotate', methodNotAllowed('POST'))
  return router
}
