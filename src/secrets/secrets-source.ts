import type { SecretReference } from '../domain/documents/secret-reference.ts'

/** A version of a secret as it is kept. */
export interface SecretVersion {
  readonly value: string
  /** What the source calls this version, for the log; undefined where versions have no names. */
  readonly version: string | undefined
}

/** Where secrets are kept. */
export interface SecretsSource {
  /** Reads a secret once, without waiting for an outage to end. @throws SecretRefused */
  read(reference: SecretReference): Promise<SecretVersion>
  /** Calls `onChange` when any secret may have changed; absent where that has to be asked for. */
  watch?(onChange: () => void): void
  /** Idempotent. */
  close(): Promise<void>
}
