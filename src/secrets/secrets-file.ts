import { isUtf8 } from 'node:buffer'
import { constants, open } from 'node:fs/promises'
import { parseDocument } from 'yaml'
import type { Clock } from '../domain/clock.ts'
import { messageOf } from '../domain/errors/errors.ts'
import { isJsonObject } from '../domain/json/json.ts'
import { type SecretReference, secretOwner, SecretRefused } from '../domain/documents/secret-reference.ts'
import type { Logger } from '../telemetry/logger.ts'
import { PollLoop } from '../files/poll-loop.ts'
import { fingerprintOf } from '../files/bounded-read.ts'
import type { SecretsSource, SecretVersion } from './secrets-source.ts'

const POLL_MS = 500
/** A changed file is read once it has stood still this long, so that one in the middle of a write is not. */
const SETTLE_MS = 50
const MAX_FILE_BYTES = 1024 * 1024
const OTHERS = 0o077

/** What the file says, or why it cannot be used. Problems quote nothing of the file. */
type Content =
  | { readonly secrets: ReadonlyMap<string, string> }
  | { readonly problem: string; readonly kind: 'denied' | 'unavailable' }

/**
 * Secrets in a file that only this user may read (mode 0600): YAML or JSON, a map from `<name>` or `<name>#<version>`
 * to the value. Watched by looking at its identity, size and time. A file that others may read is refused.
 */
export class SecretsFile implements SecretsSource {
  readonly #path: string
  readonly #logger: Logger
  readonly #loop: PollLoop
  #content: Promise<Content> | undefined
  #onChange: () => void = () => {}
  #seen: string | undefined
  #unsettled = ''

  constructor(options: { path: string; clock: Clock; logger: Logger }) {
    this.#path = options.path
    this.#logger = options.logger
    this.#loop = new PollLoop({ clock: options.clock, look: () => this.#poll() })
  }

  async read(reference: SecretReference): Promise<SecretVersion> {
    this.#content ??= this.#load()
    const content = await this.#content
    if ('problem' in content) throw new SecretRefused(reference, content.kind, content.problem)
    const value = content.secrets.get(keyOf(reference))
    if (value === undefined) {
      throw new SecretRefused(reference, 'missing', 'it is not in the file of secrets')
    }
    return { value, version: undefined }
  }

  watch(onChange: () => void): void {
    this.#onChange = onChange
    this.#loop.start(POLL_MS)
  }

  close(): Promise<void> {
    return this.#loop.close()
  }

  /** Looks at the file once; comes to the time until the next look. */
  async #poll(): Promise<number> {
    const fingerprint = await fingerprintOf(this.#path).catch(codeOf)
    // Nobody has asked for a secret yet, so there is nothing that could have changed.
    if (this.#loop.isClosed || this.#content === undefined || fingerprint === this.#seen) return POLL_MS
    if (fingerprint !== this.#unsettled) {
      this.#unsettled = fingerprint
      return SETTLE_MS
    }
    this.#unsettled = ''
    this.#content = this.#load()
    await this.#content
    if (!this.#loop.isClosed) this.#onChange()
    return POLL_MS
  }

  async #load(): Promise<Content> {
    // Taken before reading: a write in between shows as a change at the next look.
    this.#seen = await fingerprintOf(this.#path).catch(codeOf)
    const content = await readSecrets(this.#path).catch((error: unknown): Content => ({
      kind: 'unavailable',
      problem: `the file of secrets cannot be read (${codeOf(error)})`,
    }))
    if ('problem' in content) this.#logger.warn({ file: this.#path }, content.problem)
    return content
  }
}

function keyOf({ name, version }: SecretReference): string {
  return version === undefined ? name : `${name}#${version}`
}

async function readSecrets(path: string): Promise<Content> {
  // Without O_NONBLOCK opening a named pipe waits for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const { mode, size } = await file.stat().then((stats) => {
      if (!stats.isFile()) throw new Error('not a regular file')
      return stats
    })
    if ((mode & OTHERS) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, '0')
      const problem = `${path} can be read by other users (mode ${octal}); chmod 0600 it, and replace secrets that were exposed`
      return { kind: 'denied', problem }
    }
    if (size > MAX_FILE_BYTES) return unusable(`larger than ${MAX_FILE_BYTES} bytes`)
    const bytes = await file.readFile()
    return isUtf8(bytes) ? secretsIn(bytes.toString('utf8')) : unusable('not valid UTF-8')
  } finally {
    await file.close()
  }
}

function secretsIn(text: string): Content {
  const root = parsed(text)
  if (!isJsonObject(root)) return unusable('not a map from names to values')
  const entries = Object.entries(root)
  const wrong = entries.filter(([key, value]) => typeof value !== 'string' || !isKey(key)).length
  if (wrong > 0) {
    return unusable(`entries that are not <tenant>_<name> with a string: ${wrong} (numbers need quotes)`)
  }
  return { secrets: new Map(entries.map(([key, value]) => [key, String(value)])) }
}

/** Undefined for what is not YAML. What the parser says of it would quote the file. */
function parsed(text: string): unknown {
  try {
    const document = parseDocument(text, { prettyErrors: false, logLevel: 'error' })
    return document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 0 })
  } catch {
    return undefined
  }
}

function isKey(key: string): boolean {
  return secretOwner(key.split('#')[0] ?? '') !== undefined
}

function unusable(problem: string): Content {
  return { kind: 'unavailable', problem: `the file of secrets cannot be used: ${problem}` }
}

function codeOf(error: unknown): string {
  return isJsonObject(error) && typeof error['code'] === 'string' ? error['code'] : messageOf(error)
}
