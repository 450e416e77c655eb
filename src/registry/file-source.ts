import { basename } from 'node:path'
import type { Clock } from '../domain/clock.ts'
import { messageOf } from '../domain/errors.ts'
import { canonicalJson, isJsonObject } from '../domain/json.ts'
import { EMPTY_SNAPSHOT, type QuarantinedDocument, type Snapshot } from '../domain/snapshot.ts'
import type { Logger } from '../telemetry/logger.ts'
import { type LastGood, parseRegistry } from './parse.ts'
import { PollLoop } from './poll-loop.ts'
import { fingerprintOf, readLimited } from './read-limited.ts'
import type { RegistrySource } from './registry-source.ts'
import { readRegistryText, type RegistryText } from './registry-text.ts'

const POLL_MS = 200
/** A changed file is read once it has stood still this long, so that one in the middle of a write is not. */
const SETTLE_MS = 50
const MAX_FILE_BYTES = 4 * 1024 * 1024

/**
 * A registry in a YAML or JSON file, watched by looking at its identity, size and time: that sees in-place
 * writes, atomic renames and swapped symbolic links (ConfigMaps) alike. A file that cannot be understood keeps
 * the last good servers and is itself listed as quarantined.
 */
export class FileSource implements RegistrySource {
  readonly #path: string
  readonly #defaultTenant: string
  readonly #logger: Logger
  readonly #loop: PollLoop
  #onSnapshot: (snapshot: Snapshot) => void = () => {}
  /** The fingerprint of what was read last, and of a change that has not settled yet. */
  #seen = ''
  #unsettled = ''
  #text: string | undefined
  #lastGood: LastGood = new Map()
  #parsed: Snapshot = EMPTY_SNAPSHOT
  #generation = 0
  #emitted: string | undefined
  #notes: readonly string[] = []

  constructor(options: { path: string; defaultTenant: string; clock: Clock; logger: Logger }) {
    this.#path = options.path
    this.#defaultTenant = options.defaultTenant
    this.#logger = options.logger
    this.#loop = new PollLoop({ clock: options.clock, look: () => this.#pollOnce() })
  }

  /**
   * Resolves without a snapshot when the file cannot be understood; the first one follows when it can.
   * @throws Error when the file is not there or may not be read
   */
  async start(onSnapshot: (snapshot: Snapshot) => void): Promise<void> {
    this.#onSnapshot = onSnapshot
    this.#seen = await fingerprintOf(this.#path)
    this.#take(await readLimited(this.#path, MAX_FILE_BYTES))
    this.#loop.start(POLL_MS)
  }

  close(): Promise<void> {
    return this.#loop.close()
  }

  async #pollOnce(): Promise<number> {
    try {
      return await this.#poll()
    } catch (error) {
      this.#logger.error({ err: error }, 'taking over the registry file failed')
      return POLL_MS
    }
  }

  /** Looks at the file once; resolves with the time until the next look. */
  async #poll(): Promise<number> {
    const fingerprint = await fingerprintOf(this.#path).catch(unreadable)
    if (fingerprint === this.#seen) return POLL_MS
    if (fingerprint !== this.#unsettled) {
      this.#unsettled = fingerprint
      return SETTLE_MS
    }
    const content = await readLimited(this.#path, MAX_FILE_BYTES).catch((error: unknown) => ({
      problem: unreadable(error),
    }))
    if (this.#loop.isClosed) return POLL_MS
    // The fingerprint was taken before reading: a write in between shows as a change next time.
    this.#seen = fingerprint
    this.#unsettled = ''
    this.#take(content)
    return POLL_MS
  }

  #take(content: { readonly text: string } | { readonly problem: string }): void {
    const text = 'text' in content ? content.text : undefined
    if (text !== undefined && text === this.#text) return
    this.#text = text
    const read = 'text' in content ? readRegistryText(content.text) : content
    if ('problem' in read) this.#keepLastGood(read.problem)
    else this.#takeDocuments(read)
  }

  #keepLastGood(problem: string): void {
    if (this.#emitted === undefined) {
      this.#logger.error(
        { file: this.#path, problem },
        'the registry file cannot be used; there are no servers until it can',
      )
      return
    }
    const { servers, quarantined } = this.#parsed
    const name = basename(this.#path)
    const reason = `the registry file: ${problem}`
    const file = { id: name, name, tenantId: this.#defaultTenant, reason, lastGoodServes: servers.size > 0 }
    if (this.#emit(servers, [...quarantined, file])) {
      this.#logger.warn(
        { file: this.#path, problem },
        'the registry file cannot be used; the last good servers go on',
      )
    }
  }

  #takeDocuments({ documents, notes }: Exclude<RegistryText, { problem: string }>): void {
    for (const note of notes) {
      if (!this.#notes.includes(note)) this.#logger.warn({ file: this.#path }, `registry file: ${note}`)
    }
    this.#notes = notes
    const { snapshot, lastGood } = parseRegistry({
      documents,
      defaultTenant: this.#defaultTenant,
      previous: this.#lastGood,
      generation: this.#generation + 1,
    })
    this.#lastGood = lastGood
    this.#parsed = snapshot
    this.#emit(snapshot.servers, snapshot.quarantined)
  }

  /** Hands over a snapshot unless it equals the last one; says whether it did. */
  #emit(servers: Snapshot['servers'], quarantined: readonly QuarantinedDocument[]): boolean {
    const content = canonicalJson([Object.fromEntries(servers), quarantined])
    if (content === this.#emitted) return false
    this.#emitted = content
    this.#generation += 1
    this.#onSnapshot({ generation: this.#generation, servers, quarantined })
    return true
  }
}

function unreadable(error: unknown): string {
  const code = isJsonObject(error) && typeof error['code'] === 'string' ? error['code'] : messageOf(error)
  return `cannot be read (${code})`
}
