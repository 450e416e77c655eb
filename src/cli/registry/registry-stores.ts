import { systemClock } from '../../domain/clock.ts'
import { GatewayError, messageOf } from '../../domain/errors/errors.ts'
import { ALL_TENANTS } from '../../domain/principal.ts'
import { FileStore } from '../../registry/file/file-store.ts'
import type { Section } from '../../registry/collections.ts'
import { CliError } from '../cli-error.ts'
import type { CliContext } from '../context.ts'

/** The registry file that a gateway with this environment uses. */
export function registryFileOf({ env }: CliContext): string {
  return env['REGISTRY_FILE'] || `${env['DATA_DIR'] || '.data'}/registry.yaml`
}

/** A part of a registry file. Templates that name no tenant are for all, everything else is of the default tenant. */
export function fileStore(path: string, { env }: CliContext, section: Section = 'servers'): FileStore {
  const defaultTenant = section === 'templates' ? ALL_TENANTS : env['DEFAULT_TENANT'] || 'local'
  return new FileStore({ path, defaultTenant, section, clock: systemClock })
}

/** What a store does, with its refusals in words for the command line. */
export async function told<T>(doing: Promise<T>): Promise<T> {
  try {
    return await doing
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    const cause = error.cause === undefined ? '' : ` (${messageOf(error.cause)})`
    throw new CliError(
      error.code === 'store_unavailable' ? 'unavailable' : 'failed',
      `${error.code}: ${error.message}${cause}`,
    )
  }
}
