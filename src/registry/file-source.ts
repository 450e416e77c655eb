import { basename } from 'node:path'
import type { Clock } from '../domain/clock.ts'
import { messageOf } from '../domain/errors.ts'
import { isJsonObject } from '../domain/json.ts'
import { EMPTY_SNAPSHOT, type QuarantinedDocument, type Snapshot } from '../domain/snapshot.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { LastGood, RegistryDocument } from './parse.ts'
import { contentOf, parseSections } from './parse-sections.ts'
import { PollLoop } from './poll-loop.ts'
import { fingerprintOf, readLimited } from './read-limited.ts'
import type { RegistryFreshness, RegistrySource } from './registry-source.ts'
import {
  OPTIONAL_SECTIONS,
  type OptionalSection,
  readRegistryText,
  type RegistryContent,
} from './registry-text.ts'
import type { TenantDirectory } from './tenants.ts'

const POLL_MS = 200
/** A changed file is read once it has stood still this long, so that one in the middle of a write is not. */
const SETTLE_MS = 50
const MAX_FILE_BYTES = 4 * 1024 * 1024

/**
 * A registry in a YAML or JSON file, watched by looking at its identity, size and time: that sees in-place
 * writes, atomic renames and swapped symbolic links (ConfigMaps) alike. A file that cannot be understood keeps
 * the last good servers and is itself listed as quarantined; so does one of its other sections for itself. Tenants
 * take effect before what belongs to them.
 */
export class FileSource implements RegistrySource {
  readonly #path: string
  readonly #defaultTenant: string
  readonly #directory: TenantDirectory
  readonly #logger: Logger
  readonly #loop: PollLoop
  #onSnapshot: (snapshot: Snapshot) => void = () => {}
  /** The fingerprint of what was read last, and of a change that has not settled yet. */
  #seen = ''
  #unsettled = ''
  #text: string | undefined
  /** What the sections said when they could last be used. */
  #sections: Readonly<Record<OptionalSection, readonly RegistryDocument[]>> = {
    tenants: [],
    templates: [],
    pipelines: [],
    enhancement_rules: [],
  }
  #lastGood: LastGood = new Map()
  #parsed: Snapshot = EMPTY_SNAPSHOT
  #generation = 0
  #emitted: string | undefined
  #notes: readonly string[] = []
  readonly #clock: Clock
  /** When the file could last be taken over, and whether it could this time. */
  #takenAt: number
  #isStale = false

  /** @param options.defaultTenant tenant of documents that name none; known whatever tenants the file has */
  constructor(options: {
    path: string
    defaultTenant: string
    directory: TenantDirectory
    clock: Clock
    logger: Logger
  }) {
    this.#path = options.path
    this.#defaultTenant = options.defaultTenant
    this.#directory = options.directory
    this.#logger = options.logger
    this.#clock = options.clock
    this.#takenAt = options.clock.now()
    this.#loop = new PollLoop({ clock: options.clock, look: () => this.#pollOnce() })
  }

  /** How far the registry in force can be believed: `stale` while the file says what could not be taken over. */
  get status(): RegistryFreshness {
    const ageMs = this.#isStale ? this.#clock.now() - this.#takenAt : 0
    return { state: this.#isStale ? 'stale' : 'live', ageMs, held: 0 }
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
      this.#fail(error)
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

  /** Never throws: a file that cannot be taken over must not keep the gateway from starting, nor from the next edit. */
  #take(content: { readonly text: string } | { readonly problem: string }): void {
    const text = 'text' in content ? content.text : undefined
    if (text !== undefined && text === this.#text) return
    this.#text = text
    try {
      const read = 'text' in content ? readRegistryText(content.text) : content
      this.#isStale = 'problem' in read
      if ('problem' in read) this.#keepLastGood(read.problem)
      else this.#takeContent(read)
      if (!this.#isStale) this.#takenAt = this.#clock.now()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#isStale = true
    this.#logger.error({ file: this.#path, err: error }, 'taking over the registry file failed')
  }

  #keepLastGood(problem: string): void {
    if (this.#emitted === undefined) {
      this.#logger.error(
        { file: this.#path, problem },
        'the registry file cannot be used; there are no servers until it can',
      )
      return
    }
    const file = this.#refusal(
      basename(this.#path),
      `the registry file: ${problem}`,
      this.#parsed.servers.size > 0,
    )
    if (this.#emit({ ...this.#parsed, quarantined: [...this.#parsed.quarantined, file] })) {
      this.#logger.warn(
        { file: this.#path, problem },
        'the registry file cannot be used; the last good servers go on',
      )
    }
  }

  #takeContent({ documents: servers, sections, notes }: RegistryContent): void {
    for (const note of notes) {
      if (!this.#notes.includes(note)) this.#logger.warn({ file: this.#path }, `registry file: ${note}`)
    }
    this.#notes = notes
    const refused = this.#takeSections(sections)
    const { tenants, ...documents } = this.#sections
    this.#takeTenants(tenants)
    const { snapshot, lastGood } = parseSections({
      documents: { servers, ...documents },
      tenants: this.#directory.snapshot,
      defaultTenant: this.#defaultTenant,
      previous: this.#lastGood,
      generation: this.#generation + 1,
    })
    this.#lastGood = lastGood
    const ofTenants = this.#directory.snapshot.quarantined
    this.#parsed = { ...snapshot, quarantined: [...snapshot.quarantined, ...ofTenants, ...refused] }
    this.#emit(this.#parsed)
  }

  /** Servers follow their file also where some part of the gateway does not follow the tenants. */
  #takeTenants(tenants: readonly RegistryDocument[]): void {
    try {
      this.#directory.apply(tenants)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Takes over the sections that can be used; says of the others why they cannot. */
  #takeSections(sections: RegistryContent['sections']): QuarantinedDocument[] {
    return OPTIONAL_SECTIONS.flatMap((name) => {
      const section = sections[name]
      if ('problem' in section) {
        return [this.#refusal(`${name}:`, section.problem, this.#sections[name].length > 0)]
      }
      this.#sections = { ...this.#sections, [name]: section.documents }
      return []
    })
  }

  #refusal(name: string, reason: string, lastGoodServes: boolean): QuarantinedDocument {
    return { id: name, name, tenantId: this.#defaultTenant, reason, lastGoodServes }
  }

  /** Hands over a snapshot unless it equals the last one; says whether it did. */
  #emit(snapshot: Snapshot): boolean {
    const content = contentOf(snapshot)
    if (content === this.#emitted) return false
    this.#emitted = content
    this.#generation += 1
    this.#onSnapshot({ ...snapshot, generation: this.#generation })
    return true
  }
}

function unreadable(error: unknown): string {
  const code = isJsonObject(error) && typeof error['code'] === 'string' ? error['code'] : messageOf(error)
  return `cannot be read (${code})`
}
