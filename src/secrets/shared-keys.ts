import { randomBytes } from 'node:crypto'
import type { SecretManagerServiceClient } from '@google-cloud/secret-manager'
import type { Settings } from '../config/settings.ts'
import { type Clock, sleep } from '../domain/clock.ts'
import { isJsonObject } from '../domain/json/json.ts'
import { CALL_OPTIONS, openSecretManager, type SecretManagerClientOptions } from './secret-manager-client.ts'

const KEY = /^[0-9a-f]{64}$/i
/** Of gRPC. */
const NOT_FOUND = 5
const ALREADY_EXISTS = 6
const PERMISSION_DENIED = 7
const FAILED_PRECONDITION = 9
/** The replica that has made a secret puts the key into it at once, unless it was killed. */
const OTHERS_MS = 10_000
const POLL_MS = 250
/** Longer than a call takes: after it every key is there that a replica made because it had found none. */
const SETTLE_MS = 2500

/** What may come from Secret Manager. */
type KeySettings = Pick<
  Settings,
  | 'sharedKeysProject'
  | 'sharedKeysPrefix'
  | 'stateKey'
  | 'stateKeyPrevious'
  | 'auditDigestKey'
  | 'auditDigestKeyPrevious'
>

interface VersionedKey {
  /** 64 hex digits. */
  readonly key: string
  readonly version: number
}

/**
 * The settings with the keys that all replicas share, which come from Secret Manager where a setting says so: the latest
 * version is the current key, the one before it the previous one. A key that is not there is made, once for all replicas.
 * Keys of the settings come first.
 * @throws Error that says what is missing, when Secret Manager does not answer or refuses
 */
export async function withSharedKeys<T extends KeySettings>(
  settings: T,
  options: { readonly clock: Clock; readonly clientOptions?: SecretManagerClientOptions },
): Promise<T> {
  const { sharedKeysProject: projectId, sharedKeysPrefix: prefix, stateKey, auditDigestKey } = settings
  if (projectId === undefined || (stateKey !== undefined && auditDigestKey !== undefined)) return settings
  const client = await openSecretManager(projectId, options.clientOptions)
  const keysOf = (name: string): ReturnType<SharedKey['keys']> =>
    new SharedKey({ client, projectId, id: `${prefix}${name}`, clock: options.clock }).keys()
  try {
    const [state, digest] = await Promise.all([
      stateKey === undefined ? keysOf('state-key') : undefined,
      auditDigestKey === undefined ? keysOf('audit-digest-key') : undefined,
    ])
    return {
      ...settings,
      ...(state && {
        stateKey: state.current,
        stateKeyPrevious: settings.stateKeyPrevious ?? state.previous,
      }),
      ...(digest && {
        auditDigestKey: digest.current,
        auditDigestKeyPrevious: settings.auditDigestKeyPrevious ?? digest.previous,
      }),
    }
  } finally {
    await client.close()
  }
}

/** One key in Secret Manager. */
class SharedKey {
  readonly #client: SecretManagerServiceClient
  readonly #parent: string
  readonly #id: string
  readonly #clock: Clock

  constructor(options: {
    readonly client: SecretManagerServiceClient
    readonly projectId: string
    readonly id: string
    readonly clock: Clock
  }) {
    this.#client = options.client
    this.#parent = `projects/${options.projectId}`
    this.#id = options.id
    this.#clock = options.clock
  }

  async keys(): Promise<{ readonly current: string; readonly previous: string | undefined }> {
    const { key, version } = (await this.#read('latest')) ?? (await this.#made())
    const previous = version > 1 ? await this.#read(version - 1) : undefined
    return { current: key, previous: previous?.key }
  }

  /** Of replicas that find no secret one makes it, and puts the key into it; the others wait for that. */
  async #made(): Promise<VersionedKey> {
    const found = (await this.#isCreated()) ? undefined : await this.#awaited()
    if (found === undefined) await this.#add()
    // Where the replica that made the secret was killed, several may have put a key into it.
    await sleep(this.#clock, SETTLE_MS)
    const latest = await this.#read('latest')
    if (latest === undefined) throw new Error(`${this.#what} has no version that can be read`)
    return latest
  }

  async #awaited(): Promise<VersionedKey | undefined> {
    const end = this.#clock.monotonic() + OTHERS_MS
    for (;;) {
      const found = await this.#read('latest')
      if (found !== undefined || this.#clock.monotonic() >= end) return found
      await sleep(this.#clock, POLL_MS)
    }
  }

  /** Whether this call has made the secret. */
  async #isCreated(): Promise<boolean> {
    try {
      const secret = { replication: { automatic: {} } }
      await this.#client.createSecret({ parent: this.#parent, secretId: this.#id, secret }, CALL_OPTIONS)
      return true
    } catch (error) {
      if (codeOf(error) === ALREADY_EXISTS) return false
      throw this.#failure('made', error)
    }
  }

  async #add(): Promise<void> {
    const data = Buffer.from(randomBytes(32).toString('hex'))
    const parent = `${this.#parent}/secrets/${this.#id}`
    await this.#client
      .addSecretVersion({ parent, payload: { data } }, CALL_OPTIONS)
      .catch((error: unknown) => Promise.reject(this.#failure('written', error)))
  }

  /** Undefined when there is no such version, or an earlier one was taken out of use. */
  async #read(version: number | 'latest'): Promise<VersionedKey | undefined> {
    const name = `${this.#parent}/secrets/${this.#id}/versions/${version}`
    try {
      const [answer] = await this.#client.accessSecretVersion({ name }, CALL_OPTIONS)
      const key = Buffer.from(answer.payload?.data ?? [])
        .toString()
        .trim()
      if (!KEY.test(key)) throw new Error(`${this.#what} is not a key: it has to be 64 hex digits`)
      return { key, version: Number(answer.name?.split('/').at(-1)) }
    } catch (error) {
      const code = codeOf(error)
      if (code === NOT_FOUND || (code === FAILED_PRECONDITION && version !== 'latest')) return undefined
      throw code === undefined ? error : this.#failure('read', error)
    }
  }

  get #what(): string {
    return `the secret ${this.#id} of ${this.#parent}`
  }

  /** The library's error stays the cause: it has the texts of others. */
  #failure(done: string, cause: unknown): Error {
    const code = codeOf(cause)
    const why =
      code === PERMISSION_DENIED
        ? 'the service account has no permission'
        : code === FAILED_PRECONDITION
          ? 'its latest version is disabled or destroyed'
          : `Secret Manager does not respond (gRPC status ${String(code)})`
    return new Error(`${this.#what} cannot be ${done}: ${why}`, { cause })
  }
}

function codeOf(error: unknown): number | undefined {
  const code = isJsonObject(error) ? error['code'] : undefined
  return typeof code === 'number' ? code : undefined
}
