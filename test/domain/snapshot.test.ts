import { expect, test } from '@jest/globals'
import { serverDocumentSchema, serverKey } from '../../src/domain/documents/server-definition.ts'
import { EMPTY_SNAPSHOT, serverNamed, serversOf, type Snapshot } from '../../src/domain/snapshot.ts'

const snapshotOf = (...keys: [tenantId: string, name: string][]): Snapshot => {
  const servers = keys.map(([tenantId, name]) =>
    serverDocumentSchema.parse({ tenantId, name, transport: 'stdio', command: 'node' }),
  )
  return {
    ...EMPTY_SNAPSHOT,
    generation: 1,
    servers: new Map(servers.map((server) => [serverKey(server), server])),
  }
}
const snapshot = snapshotOf(['acme', 'mail'], ['globex', 'files'], ['*', 'clock'], ['acme', 'files'])

test('a name means the server of the tenant, else the one for all tenants', () => {
  expect(serverNamed(snapshot, 'acme', 'files')?.tenantId).toBe('acme')
  expect(serverNamed(snapshot, 'globex', 'clock')?.tenantId).toBe('*')
  expect(serverNamed(snapshot, 'globex', 'mail')).toBeUndefined()
  expect(serverNamed(EMPTY_SNAPSHOT, 'acme', 'files')).toBeUndefined()
})

test('the servers of a tenant are its own and those for all, by name', () => {
  expect(serversOf(snapshot, 'acme').map(serverKey)).toEqual(['*/clock', 'acme/files', 'acme/mail'])
  expect(serversOf(snapshot, 'initech').map(serverKey)).toEqual(['*/clock'])
})
