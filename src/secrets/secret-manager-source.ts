import { isUtf8 } from 'node:buffer'
import type { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import { isJsonObject } from '../domain/json/json.ts'
import {
  type SecretProblem,
  type SecretReference,
  SecretRefused,
} from '../domain/documents/secret-reference.ts'
import { CALL_OPTIONS, openSecretManager, type SecretManagerClientOptions } from './secret-manager-client.ts'
import type { SecretsSource, SecretVersion } from './secrets-source.ts'

/** What gRPC status codes mean here; with every other code nothing was learnt about the secret. */
const REFUSALS: ReadonlyMap<unknown, { readonly problem: SecretProblem; readonly reason: string }> = new Map([
  [3, { problem: 'invalid', reason: 'Secret Manager rejects this name of a secret' }],
  [5, { problem: 'missing', reason: 'the secret or version does not exist in Secret Manager' }],
  [7, { problem: 'denied', reason: 'the gateway may not read it in Secret Manager' }],
  [9, { problem: 'disabled', reason: 'this version is disabled or destroyed in Secret Manager' }],
  [16, { problem: 'denied', reason: 'Secret Manager refused the credentials of the gateway' }],
])

/**
 * Secrets in Google's Secret Manager, one project: `projects/P/secrets/<prefix><name>/versions/V`. The client is made,
 * and its library loaded, when the first secret is read.
 */
export class SecretManagerSource implements SecretsSource {
  readonly #projectId: string
  readonly #prefix: string
  readonly #clientOptions: SecretManagerClientOptions
  #client: Promise<SecretManagerServiceClient> | undefined

  constructor(options: {
    projectId: string
    /** What the ids of the gateway's secrets begin with, before the names that documents use. */
    prefix?: string
    clientOptions?: SecretManagerClientOptions
  }) {
    this.#projectId = options.projectId
    this.#prefix = options.prefix ?? ''
    this.#clientOptions = options.clientOptions ?? {}
  }

  async read(reference: SecretReference): Promise<SecretVersion> {
    const { name, version = 'latest' } = reference
    const resource = `projects/${this.#projectId}/secrets/${this.#prefix}${name}/versions/${version}`
    this.#client ??= openSecretManager(this.#projectId, this.#clientOptions)
    const client = await this.#client.catch((error: unknown) => {
      this.#client = undefined
      throw error
    })
    const [answer] = await client
      .accessSecretVersion({ name: resource }, CALL_OPTIONS)
      .catch((error: unknown) => Promise.reject(refusal(reference, error)))
    return { value: textOf(reference, answer.payload?.data), version: answer.name?.split('/').at(-1) }
  }

  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined)
    await client?.close()
  }
}

/** The library's error stays outside: it has the texts of others. */
function refusal(reference: SecretReference, error: unknown): SecretRefused {
  const code = isJsonObject(error) ? error['code'] : undefined
  const known = REFUSALS.get(code)
  if (known !== undefined) return new SecretRefused(reference, known.problem, known.reason)
  const what =
    typeof code === 'number' ? `gRPC status ${code}` : 'the connection failed or credentials are missing'
  return new SecretRefused(reference, 'unavailable', `Secret Manager does not respond (${what})`)
}

function textOf(reference: SecretReference, data: Uint8Array | string | null | undefined): string {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'base64') : Buffer.from(data ?? [])
  if (!isUtf8(bytes)) throw new SecretRefused(reference, 'invalid', 'its value is not UTF-8 text')
  return bytes.toString('utf8')
}
