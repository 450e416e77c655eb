import { systemClock } from '../domain/clock.ts'
import { GatewayError, messageOf } from '../domain/errors.ts'
import { FileStore } from '../registry/file-store.ts'
import type { StoredDocument } from '../registry/registry-store.ts'
import { problemsOfRegistry } from '../registry/validate.ts'
import { CliError } from './cli-error.ts'
import type { CliContext } from './context.ts'

/** The registry file that a gateway with this environment uses. */
export function registryFileOf({ env }: CliContext): string {
  return env['REGISTRY_FILE'] || `${env['DATA_DIR'] || '.data'}/registry.yaml`
}

export function fileStore(path: string, { env }: CliContext): FileStore {
  return new FileStore({ path, defaultTenant: env['DEFAULT_TENANT'] || 'local', clock: systemClock })
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

/** The documents, if every one of them is valid. @throws CliError `data` with every problem */
export function checked(documents: readonly StoredDocument[], where: string): readonly StoredDocument[] {
  const wrong = problemsOfRegistry(documents.map(({ document }) => document))
  if (wrong.length === 0) return documents
  const lines = wrong.flatMap(({ name, problems }) => problems.map((problem) => `  ${name}: ${problem}`))
  throw new CliError(
    'data',
    `${where} has servers that are not valid; nothing was written:\n${lines.join('\n')}`,
  )
}
