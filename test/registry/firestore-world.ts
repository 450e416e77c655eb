import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach } from '@jest/globals'
import type { Snapshot } from '../../src/domain/snapshot.ts'
import { FirestoreSource } from '../../src/registry/firestore/firestore-source.ts'
import { eventually } from '../support/eventually.ts'
import { FakeClock } from '../support/fake-clock.ts'
import type { MemoryDocuments } from '../support/memory-documents.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { emptyDirectory } from './tenant-directory.ts'

/** A valid document with other fields. */
export const server = (fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  tenantId: 'acme',
  transport: 'stdio',
  command: 'node',
  ...fields,
})

/** Four documents, and the removal of three of them. */
export const four = {
  'mcp_servers/a': server(),
  'mcp_servers/b': server(),
  'mcp_servers/c': server(),
  'mcp_servers/d': server(),
}
export const threeGone = {
  'mcp_servers/a': undefined,
  'mcp_servers/b': undefined,
  'mcp_servers/c': undefined,
}

/** A folder of its own for each test of the file that imports this; its path is known while the test runs. */
export const folder = { path: '' }
beforeEach(async () => {
  folder.path = await mkdtemp(join(tmpdir(), 'tool-gateway-'))
})
afterEach(() => rm(folder.path, { recursive: true, force: true }))

/** A source on a store in memory, at a clock of its own. */
export class World {
  readonly clock = new FakeClock()
  readonly snapshots: Snapshot[] = []
  readonly directory = emptyDirectory([], () =>
    [...(this.snapshots.at(-1)?.servers.values() ?? [])].map(({ tenantId }) => tenantId),
  )
  readonly source: FirestoreSource

  constructor(store: MemoryDocuments, options: { file?: string; database?: string } = {}) {
    this.source = new FirestoreSource({
      store,
      directory: this.directory,
      lastGoodFile: options.file ?? join(folder.path, 'last-good.json'),
      database: options.database ?? 'demo/(default)',
      clock: this.clock,
      random: () => 1,
      logger: silentLogger,
      probeMs: 15_000,
    })
  }

  /** Starts and lets the time to wait for the store pass. */
  async start(): Promise<void> {
    const before = this.clock.pending
    const started = this.source.start((snapshot) => this.snapshots.push(snapshot))
    await eventually(() => this.clock.pending > before)
    await this.clock.advance(2000)
    await started
    await this.run()
  }

  async run(ms = 100): Promise<void> {
    for (let step = 0; step < 10; step += 1) {
      await this.clock.advance(ms / 10)
      // Large documents are checked in several turns of the event loop.
      await setImmediate()
    }
  }

  get last(): Snapshot {
    const last = this.snapshots.at(-1)
    if (last === undefined) throw new Error('there is no snapshot')
    return last
  }

  get servers(): string {
    return [...this.last.servers.keys()].toSorted().join(' ')
  }
}
