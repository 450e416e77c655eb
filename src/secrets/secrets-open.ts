import type { Settings } from '../config/settings.ts'
import type { Clock } from '../domain/clock.ts'
import { type SecretReference, SecretRefused } from '../domain/documents/secret-reference.ts'
import type { ServerDefinition, ServerKey } from '../domain/documents/server-definition.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { SecretManagerClientOptions } from './secret-manager-client.ts'
import { SecretManagerSource } from './secret-manager-source.ts'
import { Secrets } from './secrets.ts'
import { SecretsEnvironment } from './secrets-environment.ts'
import { SecretsFile } from './secrets-file.ts'
import type { SecretsSource, SecretVersion } from './secrets-source.ts'
import { type SecretUsers, SecretsWatch } from './secrets-watch.ts'

/** Where secrets are kept: in Secret Manager, or in a file and in environment variables. */
export type SecretsSettings = Pick<
  Settings,
  'secretsFile' | 'secretsEnv' | 'secretsProject' | 'secretsPrefix' | 'secretsTtlMs'
>

/** The secrets of the registry while the gateway runs. */
export interface OpenSecrets {
  /** @throws SecretRefused */
  resolve(reference: SecretReference): Promise<string>
  /** Takes in the servers of each snapshot, before they are connected. */
  setServers(servers: ReadonlyMap<ServerKey, ServerDefinition>): void
  counts(): { readonly fresh: number; readonly stale: number; readonly refused: number }
  close(): Promise<void>
}

/** Makes ready to resolve secrets, and begins to watch for new values. Asks for nothing yet. */
export function openSecrets(
  settings: SecretsSettings,
  options: {
    env: Readonly<Record<string, string | undefined>>
    clock: Clock
    logger: Logger
    random: () => number
    users: SecretUsers
    /** For a stand-in of the real Secret Manager. */
    secretManager?: SecretManagerClientOptions
  },
): OpenSecrets {
  const { clock, logger, random, users } = options
  const watch = new SecretsWatch({ users })
  const secrets = new Secrets({
    source: sourceOf(settings, options),
    clock,
    logger,
    random,
    ttlMs: settings.secretsTtlMs,
    events: {
      onRotated: (reference) => watch.rotated(reference),
      onRecovered: (reference) => watch.recovered(reference),
    },
  })
  secrets.start()
  return {
    resolve: (reference) => secrets.resolve(reference),
    setServers: (servers) => secrets.setInUse(watch.setServers(servers)),
    counts: () => secrets.counts(),
    close: () => secrets.close(),
  }
}

function sourceOf(
  settings: SecretsSettings,
  options: {
    env: Readonly<Record<string, string | undefined>>
    clock: Clock
    logger: Logger
    secretManager?: SecretManagerClientOptions
  },
): SecretsSource {
  const { secretsFile, secretsEnv, secretsProject, secretsPrefix } = settings
  const { env, clock, logger, secretManager } = options
  if (secretsProject !== undefined) {
    return new SecretManagerSource({
      projectId: secretsProject,
      prefix: secretsPrefix,
      ...(secretManager !== undefined && { clientOptions: secretManager }),
    })
  }
  const file = secretsFile === undefined ? undefined : new SecretsFile({ path: secretsFile, clock, logger })
  const variables =
    secretsEnv.length === 0 ? undefined : new SecretsEnvironment({ variables: secretsEnv, env })
  return new LocalSecrets([file, variables].filter((source) => source !== undefined))
}

/** Several places of this machine: a secret that is not in one may be in the next. */
class LocalSecrets implements SecretsSource {
  readonly #sources: readonly SecretsSource[]

  constructor(sources: readonly SecretsSource[]) {
    this.#sources = sources
  }

  async read(reference: SecretReference): Promise<SecretVersion> {
    let refusal = new SecretRefused(
      reference,
      'missing',
      'no secret source is configured; set SECRETS_FILE, SECRETS_ENV or SECRETS_PROJECT',
    )
    for (const source of this.#sources) {
      try {
        return await source.read(reference)
      } catch (error) {
        if (!(error instanceof SecretRefused) || error.problem !== 'missing') throw error
        refusal = error
      }
    }
    throw refusal
  }

  watch(onChange: () => void): void {
    for (const source of this.#sources) source.watch?.(onChange)
  }

  async close(): Promise<void> {
    await Promise.all(this.#sources.map((source) => source.close()))
  }
}
