import type { SecretManagerServiceClient } from '@google-cloud/secret-manager'

/** What the client library takes, for a stand-in of the real service. */
export type SecretManagerClientOptions = NonNullable<
  ConstructorParameters<typeof SecretManagerServiceClient>[0]
>

/** One attempt only: the library's own retries take minutes, which is too long for those who wait. */
export const CALL_OPTIONS = { timeout: 2000, retry: null }

/**
 * A client of Secret Manager, whose library is loaded now.
 * @throws Error when there are no credentials that can be used
 */
export async function openSecretManager(
  projectId: string,
  options: SecretManagerClientOptions = {},
): Promise<SecretManagerServiceClient> {
  const { SecretManagerServiceClient: Client } = await import('@google-cloud/secret-manager')
  if (options.sslCreds !== undefined) return new Client({ projectId, ...options })
  const { findGoogleCredentials } = await import('../firestore/google-credentials.ts')
  return new Client({ projectId, ...options, auth: await findGoogleCredentials() })
}
