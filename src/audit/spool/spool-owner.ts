import { createHash, randomBytes } from 'node:crypto'
import { open, readdir, stat, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../domain/clock.ts'
import { codeOf } from '../error-code.ts'

const BEAT_MS = 10_000
/** Without a sign of life for so long, an owner counts as gone. */
const SILENT_MS = 60_000
const SEGMENT = /^([0-9a-f]{8}-\d+-[0-9a-f]{16})\.\d+\.jsonl$/
const SIGN_OF_LIFE = /^([0-9a-f]{8}-\d+-[0-9a-f]{16})\.alive$/

/** Owners in this process. */
const ours = new Set<string>()

/**
 * Who writes into a spool folder: a process, by its host, its number and chance. It shows that it lives by touching
 * a file. Being taken for gone costs an owner nothing but work, see `SpoolSegment`.
 */
export class SpoolOwner {
  readonly #id: string
  readonly #dir: string
  readonly #clock: Clock
  #segments = 0
  #cancelBeat: (() => void) | undefined

  private constructor(options: { dir: string; clock: Clock }) {
    this.#id = `${hostDigest()}-${process.pid}-${randomBytes(8).toString('hex')}`
    this.#dir = options.dir
    this.#clock = options.clock
  }

  static async open(options: { dir: string; clock: Clock }): Promise<SpoolOwner> {
    const owner = new SpoolOwner(options)
    ours.add(owner.#id)
    await owner.#touch()
    owner.#beatLater()
    return owner
  }

  /** Path for a further segment; sorts after those before. */
  nextSegment(): string {
    this.#segments += 1
    return join(this.#dir, `${this.#id}.${String(this.#segments).padStart(9, '0')}.jsonl`)
  }

  /** Path of the records that no store takes. */
  get refusedPath(): string {
    return join(this.#dir, `refused-${this.#id}.jsonl`)
  }

  /** Paths of segments whose owners are gone, oldest first for each. */
  async orphans(): Promise<string[]> {
    const names = (await readdir(this.#dir)).toSorted()
    const owners = new Map<string, boolean>()
    for (const name of names) {
      const id = SEGMENT.exec(name)?.[1] ?? SIGN_OF_LIFE.exec(name)?.[1]
      if (id !== undefined && !owners.has(id)) owners.set(id, await this.#isGone(id))
    }
    for (const [id, isGone] of owners) if (isGone) await this.#bury(id)
    return names
      .filter((name) => owners.get(SEGMENT.exec(name)?.[1] ?? '') === true)
      .map((name) => join(this.#dir, name))
  }

  /** Releases the spool; its remaining files are orphans from then on. Idempotent. */
  async close(): Promise<void> {
    this.#cancelBeat?.()
    if (ours.delete(this.#id)) await this.#bury(this.#id)
  }

  get #signOfLife(): string {
    return join(this.#dir, `${this.#id}.alive`)
  }

  #beatLater(): void {
    this.#cancelBeat = this.#clock.after(BEAT_MS, () => void this.#beat())
  }

  /** Never rejects: a folder that cannot be written shows in the records themselves. */
  async #beat(): Promise<void> {
    await this.#touch().catch(() => undefined)
    if (ours.has(this.#id)) this.#beatLater()
    else await this.#bury(this.#id)
  }

  /** Creates the file again if another process took this owner for dead. */
  async #touch(): Promise<void> {
    const now = new Date(this.#clock.now())
    const file = await open(this.#signOfLife, 'a', 0o600)
    try {
      await file.utimes(now, now)
    } finally {
      await file.close()
    }
  }

  async #isGone(id: string): Promise<boolean> {
    if (ours.has(id)) return false
    const [host, pid = ''] = id.split('-')
    if (host === hostDigest() && !isRunning(Number(pid))) return true
    const seen = await stat(join(this.#dir, `${id}.alive`)).catch(() => undefined)
    return seen === undefined || this.#clock.now() - seen.mtimeMs > SILENT_MS
  }

  async #bury(id: string): Promise<void> {
    await unlink(join(this.#dir, `${id}.alive`)).catch(() => undefined)
  }
}

/** Whether another process of this host has that number; an owner with ours was here before this process. */
function isRunning(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) !== 'ESRCH'
  }
}

function hostDigest(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
}
