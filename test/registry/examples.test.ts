import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import type { Snapshot } from '../../src/domain/snapshot.ts'
import { FileSource } from '../../src/registry/file/file-source.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { emptyDirectory } from './tenant-directory.ts'

test.each([
  ['enhancement.yaml', 'local/library', ''],
  ['pipelines.yaml', 'local/files local/thinking', ''],
  ['registry.yaml', '*/everything acme/repository acme/tickets', ''],
  ['templates.yaml', 'acme/index local/reports', ''],
  ['tenants.yaml', '*/everything acme/tickets globex/tickets', 'acme globex'],
])('the example %s is valid', async (name, servers, tenants) => {
  const snapshots: Snapshot[] = []
  const directory = emptyDirectory()
  const source = new FileSource({
    path: join(import.meta.dirname, '../../examples', name),
    defaultTenant: 'local',
    directory,
    clock: new FakeClock(),
    logger: silentLogger,
  })
  await source.start((snapshot) => snapshots.push(snapshot))
  await source.close()
  expect(snapshots).toMatchObject([{ quarantined: [] }])
  expect([...(snapshots[0]?.servers.keys() ?? [])].toSorted().join(' ')).toBe(servers)
  expect([...directory.snapshot.byId.keys()].join(' ')).toBe(tenants)
})
