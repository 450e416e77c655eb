import { basename } from 'node:path'
import type { Clock } from '../../domain/clock.ts'
import { EMPTY_SNAPSHOT, type QuarantinedDocument, type Snapshot } from '../../domain/snapshot.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { RegistryFile } from './registry-file.ts'
import { FileHolds } from './file-holds.ts'
import { type FileContent, FileWatch } from './file-watch.ts'
import type { RegistryDocument } from '../documents/registry-document.ts'
import type { Checks } from '../documents/check-server.ts'
import { SnapshotSeries } from '../documents/snapshot-series.ts'
import { HoldLog } from '../hold-log.ts'
import type { RegistryFreshness, RegistrySource } from '../registry-source.ts'
import {
  MAX_REGISTRY_BYTES,
  OPTIONAL_SECTIONS,
  type OptionalSection,
  type RegistryContent,
} from './registry-text.ts'
import type { TenantDirectory } from '../tenants.ts'

/** In a file's `confirm`: servers of tenants that it does not list are to be refused. */
const CONFIRM_TENANTS = 'tenants'

/**
 * A registry in a YAML or JSON file, which is watched. A file that cannot be understood keeps the last good servers and
 * is itself listed as quarantined; so does one of its other sections for itself. Tenants take effect before what
 * belongs to them. A removal of most documents at once is held back, see `RemovalGuard`, until it has stood for ten
 * minutes, the file confirms it, or the gateway starts again.
 */
export class FileSource implements RegistrySource {
  readonly #path: string
  readonly #file: RegistryFile
  readonly #defaultTenant: string
  readonly #directory: TenantDirectory
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #watch: FileWatch
  readonly #holds = new FileHolds()
  readonly #series: SnapshotSeries
  readonly #holdLog: HoldLog
  #onSnapshot: (snapshot: Snapshot) => void = () => {}
  #text: string | undefined
  #content: RegistryContent | undefined
  /** What the sections said when they could last be used. */
  #sections: Readonly<Record<OptionalSection, readonly RegistryDocument[]>> = {
    tenants: [],
    templates: [],
    pipelines: [],
    enhancement_rules: [],
  }
  #parsed: Snapshot = EMPTY_SNAPSHOT
  #notes: readonly string[] = []
  /** When the file could last be taken over, and whether it could this time. */
  #takenAt: number
  #isStale = false

  /**
   * @param options.defaultTenant tenant of documents that name none; always known, even if the file has tenants without
   * it
   */
  constructor(options: {
    path: string
    file?: RegistryFile
    defaultTenant: string
    directory: TenantDirectory
    /** How documents of servers are checked. */
    checks?: Checks
    clock: Clock
    logger: Logger
  }) {
    this.#path = options.path
    this.#file = options.file ?? new RegistryFile(options.path)
    this.#defaultTenant = options.defaultTenant
    this.#directory = options.directory
    this.#series = new SnapshotSeries(options)
    this.#holdLog = new HoldLog(options)
    this.#logger = options.logger
    this.#clock = options.clock
    this.#takenAt = options.clock.now()
    this.#watch = new FileWatch({
      path: options.path,
      maxBytes: MAX_REGISTRY_BYTES,
      clock: options.clock,
      onContent: (content) => this.#attempt(() => this.#take(content)),
      onLook: () => this.#attempt(() => this.#release()),
    })
  }

  /** How far the registry in force can be believed: `stale` while the file says what could not be taken over. */
  get status(): RegistryFreshness {
    const ageMs = this.#isStale ? this.#clock.now() - this.#takenAt : 0
    const held = this.#holds.all.reduce((sum, { count }) => sum + count, 0)
    return { state: this.#isStale ? 'stale' : 'live', ageMs, held }
  }

  /**
   * Resolves without a snapshot when the file cannot be understood; the first one follows when it can.
   * @throws Error when the file is not there or may not be read
   */
  async start(onSnapshot: (snapshot: Snapshot) => void): Promise<void> {
    this.#onSnapshot = onSnapshot
    await this.#watch.start()
  }

  caughtUp(): Promise<void> {
    return this.#watch.now()
  }

  close(): Promise<void> {
    return this.#watch.close()
  }

  /** A file that cannot be taken over must not keep the gateway from starting, nor from the next edit. */
  async #attempt(step: () => Promise<void>): Promise<void> {
    try {
      await step()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#isStale = true
    this.#logger.error({ file: this.#path, err: error }, 'applying the registry file failed')
  }

  async #take(content: FileContent): Promise<void> {
    const text = 'text' in content ? content.text : undefined
    if (text !== undefined && text === this.#text) return
    this.#text = text
    const read = 'text' in content ? await this.#file.parsed(content.text) : content
    this.#isStale = 'problem' in read
    if ('problem' in read) this.#keepLastGood(read.problem)
    else await this.#takeContent(read)
    if (!this.#isStale) this.#takenAt = this.#clock.now()
  }

  /** Lets a removal take effect that has been held back for long enough. */
  async #release(): Promise<void> {
    const now = this.#clock.now()
    if (this.#content === undefined || !this.#holds.all.some(({ until = Infinity }) => until <= now)) return
    await this.#takeContent(this.#content)
  }

  #keepLastGood(problem: string): void {
    if (this.#series.generation === 0) {
      this.#logger.error(
        { file: this.#path, problem },
        'the registry file cannot be used; the gateway has no servers until it can',
      )
      return
    }
    const file = this.#refusal(
      basename(this.#path),
      `the registry file: ${problem}`,
      this.#parsed.servers.size > 0,
    )
    const quarantined = [...this.#parsed.quarantined, file]
    if (this.#series.emit({ ...this.#parsed, quarantined }, this.#onSnapshot)) {
      this.#logger.warn(
        { file: this.#path, problem },
        'the registry file cannot be used; the last good servers stay in use',
      )
    }
  }

  async #takeContent(content: RegistryContent): Promise<void> {
    const { documents: servers, sections, notes, confirmed } = content
    this.#content = content
    for (const note of notes) {
      if (!this.#notes.includes(note)) this.#logger.warn({ file: this.#path }, `registry file: ${note}`)
    }
    this.#notes = notes
    const refused = this.#takeSections(sections)
    await this.#directory.prepare(this.#sections.tenants)
    await this.#series.prepare({ servers, ...this.#sections })
    const { tenants, ...documents } = this.#holds.judge(
      { servers, ...this.#sections },
      { confirmed, now: this.#clock.now(), defaultTenant: this.#defaultTenant },
    )
    this.#followHolds()
    this.#takeTenants(tenants, confirmed.has(CONFIRM_TENANTS))
    const snapshot = this.#series.parse(documents)
    const ofTenants = this.#directory.snapshot.quarantined
    const held = this.#holds.entries(this.#defaultTenant)
    this.#parsed = { ...snapshot, quarantined: [...snapshot.quarantined, ...ofTenants, ...refused, ...held] }
    this.#series.emit(this.#parsed, this.#onSnapshot)
  }

  /** Servers follow their file also where some part of the gateway does not follow the tenants. */
  #takeTenants(tenants: readonly RegistryDocument[], isConfirmed: boolean): void {
    try {
      this.#directory.apply(tenants, {
        defaultTenant: this.#defaultTenant,
        isConfirmed,
        howToConfirm: `write \`confirm: [${CONFIRM_TENANTS}]\` into the registry file`,
      })
    } catch (error) {
      this.#fail(error)
    }
  }

  #followHolds(): void {
    this.#holdLog.report(
      this.#holds.all.map(({ section, id, count, until = 0 }) => ({
        key: id,
        facts: { file: this.#path, section, hold: id, until: new Date(until).toISOString() },
        message: `the removal of ${count} documents at once is held back; confirm it with \`confirm: [${id}]\` in the file, or start the gateway again`,
      })),
    )
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
}
