import { type SecretReference, SecretRefused } from '../domain/documents/secret-reference.ts'
import type { SecretsSource, SecretVersion } from './secrets-source.ts'

/**
 * Secrets in environment variables of the gateway: those that are listed, under the names that they are listed with.
 */
export class SecretsEnvironment implements SecretsSource {
  readonly #secrets: ReadonlyMap<string, string>

  constructor(options: {
    /** Name of each secret and the variable that holds it. */
    variables: readonly { readonly name: string; readonly variable: string }[]
    env: Readonly<Record<string, string | undefined>>
  }) {
    const { variables, env } = options
    this.#secrets = new Map(
      variables.flatMap(({ name, variable }): [string, string][] => {
        const value = env[variable]
        return value === undefined ? [] : [[name, value]]
      }),
    )
  }

  read(reference: SecretReference): Promise<SecretVersion> {
    const value = reference.version === undefined ? this.#secrets.get(reference.name) : undefined
    return value === undefined
      ? Promise.reject(
          new SecretRefused(reference, 'missing', 'it is in no environment variable that SECRETS_ENV lists'),
        )
      : Promise.resolve({ value, version: undefined })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
