import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import type { PipelineDefinition } from '../../src/domain/documents/pipeline-definition.ts'
import type { Snapshot } from '../../src/domain/snapshot.ts'
import type { TenantDirectory } from '../../src/registry/tenants.ts'
import { FileSource } from '../../src/registry/file/file-source.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { emptyDirectory } from './tenant-directory.ts'

test.each([
  ['approvals.yaml', 'local/memory local/payments', ''],
  ['enhancement.yaml', 'local/library', ''],
  ['pipelines.yaml', 'local/files local/thinking', ''],
  ['registry.yaml', '*/everything acme/repository acme/tickets', ''],
  ['templates.yaml', 'acme/index local/reports', ''],
  ['tenants.yaml', '*/everything acme/tickets globex/tickets', 'acme globex'],
])('the example %s is valid', async (name, servers, tenants) => {
  const directory = emptyDirectory()
  const snapshot = await exampleSnapshot(name, directory)
  expect(snapshot.quarantined).toEqual([])
  expect([...snapshot.servers.keys()].toSorted().join(' ')).toBe(servers)
  expect([...directory.snapshot.byId.keys()].join(' ')).toBe(tenants)
})

test.each([
  ['approvals.yaml', 'month'],
  ['pipelines.yaml', 'output pattern project repository request'],
])('the pipeline of the example %s uses every input that it asks for, in templates', async (name, inputs) => {
  const { pipelines } = await exampleSnapshot(name, emptyDirectory())
  expect([...pipelines.values()].map(inputsUsedBy)).toEqual([inputs])
})

/** The inputs that the templates of a pipeline name. */
function inputsUsedBy({ steps, output }: PipelineDefinition): string {
  const templates = [...JSON.stringify({ steps, output }).matchAll(/\$\{[^}]*\}/g)].join(' ')
  const names = [...templates.matchAll(/\binput\.(\w+)/g)].map(([, name = '']) => name)
  return [...new Set(names)].toSorted().join(' ')
}

async function exampleSnapshot(name: string, directory: TenantDirectory): Promise<Snapshot> {
  const snapshots: Snapshot[] = []
  const source = new FileSource({
    path: join(import.meta.dirname, '../../examples', name),
    defaultTenant: 'local',
    directory,
    clock: new FakeClock(),
    logger: silentLogger,
  })
  await source.start((snapshot) => snapshots.push(snapshot))
  await source.close()
  if (snapshots[0] === undefined) throw new Error(`no snapshot of ${name}`)
  return snapshots[0]
}
