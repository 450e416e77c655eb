import { randomUUID } from 'node:crypto'
import { readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../domain/clock.ts'
import { jsonIn, type JsonObject } from '../../domain/json/json.ts'
import { makePrivateDirectory, readPrivateFile, replacePrivateFile } from '../../files/private-file.ts'
import { onCode } from '../../files/file-error.ts'
import { PollLoop } from '../../files/poll-loop.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Administration } from '../administration.ts'
import type { Act } from '../usage-record.ts'

const FOLDER = 'acts'
const LOOK_MS = 2000
const MAX_AT_ONCE = 100

/** An action of a command that runs outside the gateway. */
export interface LeftAct {
  readonly action: Act
  readonly tenantId: string
  /** What it was done to. */
  readonly name: string
  /** The user of this machine who did it. */
  readonly by: string
  readonly change: JsonObject
}

const leftAct = z.object({
  at: z.string(),
  action: z.custom<Act>((value) => typeof value === 'string' && /^[a-z-]+\.[a-z-]+$/.test(value)),
  tenantId: z.string().min(1).max(63),
  name: z.string().max(256),
  by: z.string().max(256),
  change: z.record(z.string(), z.unknown()),
})

/**
 * Leaves an act in the data directory, for the gateway that runs there, or runs there next, to record.
 * @throws Error when it cannot be written
 */
export async function leaveAct(dataDir: string, act: LeftAct, clock: Pick<Clock, 'now'>): Promise<void> {
  const at = new Date(clock.now()).toISOString()
  const folder = join(dataDir, FOLDER)
  await makePrivateDirectory(folder)
  await replacePrivateFile(join(folder, `${at}-${randomUUID()}.json`), JSON.stringify({ at, ...act }))
}

/** Records the acts that commands leave in the data directory, within seconds, each with the time at which it was done. */
export class ActInbox {
  readonly #folder: string
  readonly #acts: Pick<Administration, 'record'>
  readonly #logger: Logger
  readonly #loop: PollLoop
  /** Files that cannot be read, which are reported once. */
  readonly #unreadable = new Set<string>()

  constructor(options: {
    dataDir: string
    acts: Pick<Administration, 'record'>
    clock: Clock
    logger: Logger
  }) {
    this.#folder = join(options.dataDir, FOLDER)
    this.#acts = options.acts
    this.#logger = options.logger
    this.#loop = new PollLoop({ clock: options.clock, look: () => this.#look() })
  }

  start(): void {
    this.#loop.start(0)
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#loop.close()
  }

  async #look(): Promise<number> {
    try {
      const found = await readdir(this.#folder).catch(onCode('ENOENT', []))
      const names = found.filter((name) => name.endsWith('.json') && !this.#unreadable.has(name)).toSorted()
      for (const name of names.slice(0, MAX_AT_ONCE)) await this.#record(name)
    } catch (error) {
      this.#logger.debug({ err: error }, 'the acts of commands cannot be read')
    }
    return LOOK_MS
  }

  async #record(name: string): Promise<void> {
    const path = join(this.#folder, name)
    const text = await readPrivateFile(path).catch(() => '')
    const read = leftAct.safeParse(jsonIn(text ?? ''))
    if (!read.success) {
      this.#unreadable.add(name)
      this.#logger.warn(
        { file: path },
        'an act of a command cannot be recorded, because its file cannot be read',
      )
      return
    }
    const { at, action, tenantId, name: target, by, change } = read.data
    const actor = {
      principal: { tenantId, subject: by },
      requestId: 'command-line',
      face: 'command-line',
    } as const
    await this.#acts.record(actor, {
      action,
      object: { tenantId, name: target },
      change: { doneAt: at, ...change },
    })
    await unlink(path)
  }
}
