import { chmod, open } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, repeat } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { makePrivateDirectory } from '../../files/private-file.ts'
import { startThread } from '../../threads/start-thread.ts'
import { TaskThread } from '../../threads/task-thread.ts'
import { checkKey, checkPrefix, checkValue } from '../state-key.ts'
import type { PutOptions, StateEntry, StatePage, StateStore } from '../state-store.ts'
import type { StateResult, StateTask } from './state-protocol.ts'

const DATABASE_FILE = 'state.db'
const PURGE_EVERY_MS = 3_600_000

/** State entries in a SQLite file, which a separate thread reads and writes. */
export class SqliteStateStore implements StateStore {
  readonly #path: string
  readonly #clock: Clock
  readonly #thread: TaskThread<StateTask, StateResult>
  readonly #cancelPurge: () => void
  #file: Promise<void> | undefined
  #closing: Promise<void> | undefined

  /** @param options.dir where the database is; it is made with the first entry, for this user only */
  constructor(options: { dir: string; clock: Clock }) {
    this.#path = join(options.dir, DATABASE_FILE)
    this.#clock = options.clock
    this.#thread = new TaskThread({
      name: 'state thread',
      start: () => startThread(import.meta, './state-worker', this.#path),
    })
    this.#cancelPurge = repeat(options.clock, PURGE_EVERY_MS, () => void this.#purge())
  }

  async get(collection: string, key: string): Promise<StateEntry | undefined> {
    checkKey(collection, key)
    const { entries = [] } = await this.#run({ kind: 'get', collection, key, now: this.#clock.now() })
    return entries[0]
  }

  async put(
    collection: string,
    key: string,
    value: string,
    { expected, expiresAt }: PutOptions = {},
  ): Promise<string | undefined> {
    checkKey(collection, key)
    checkValue(value)
    const now = this.#clock.now()
    return (await this.#run({ kind: 'put', collection, key, value, expected, expiresAt, now })).version
  }

  async delete(
    collection: string,
    key: string,
    { expected }: { readonly expected?: string } = {},
  ): Promise<boolean> {
    checkKey(collection, key)
    const task = { kind: 'delete', collection, key, expected, now: this.#clock.now() } as const
    return (await this.#run(task)).removed === true
  }

  async list(
    collection: string,
    prefix: string,
    { limit, after = '' }: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<StatePage> {
    checkPrefix(collection, prefix)
    const now = this.#clock.now()
    const { entries: found = [] } = await this.#run({
      kind: 'list',
      collection,
      prefix,
      after,
      limit: limit + 1,
      now,
    })
    const entries = found.slice(0, limit)
    return { entries, next: found.length > limit ? entries.at(-1)?.key : undefined }
  }

  close(): Promise<void> {
    this.#cancelPurge()
    this.#closing ??= this.#thread.close({ kind: 'close' })
    return this.#closing
  }

  async #run(task: StateTask): Promise<StateResult> {
    try {
      await (this.#file ??= this.#createFile())
      return await this.#thread.run(task)
    } catch (cause) {
      // The next task tries again.
      this.#file = undefined
      const facts = { mayHaveExecuted: task.kind === 'put' || task.kind === 'delete' }
      throw new GatewayError('state_unavailable', undefined, { cause, facts })
    }
  }

  /** SQLite gives its companion files the mode of the database. */
  async #createFile(): Promise<void> {
    await makePrivateDirectory(join(this.#path, '..'))
    await (await open(this.#path, 'a', 0o600)).close()
    await chmod(this.#path, 0o600)
  }

  async #purge(): Promise<void> {
    if (this.#file === undefined || this.#closing !== undefined) return
    // What is too old is not told to anybody, so that it may as well go later.
    await this.#run({ kind: 'purge', now: this.#clock.now() }).catch(() => undefined)
  }
}
