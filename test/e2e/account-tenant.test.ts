import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type AccountWorld, startAccountWorld, withAccounts } from '../support/account-world.ts'
import { eventually } from '../support/eventually.ts'
import { ProtectedServer } from '../support/protected-server.ts'

let notes: ProtectedServer
let world: AccountWorld

beforeAll(async () => {
  notes = await ProtectedServer.start()
  const auth = { kind: 'oauth', per: 'tenant' }
  world = await startAccountWorld({ notes: withAccounts(notes, { auth }) }, [notes], { wait: false })
})
afterAll(async () => {
  await world.close()
  await notes.close()
})

test('an account of the tenant is connected by operators only, and used for all calls', async () => {
  const page = `${world.url}/connect/notes`
  expect((await (await world.browser('ada')).open(page)).status).toBe(404)
  const operator = await world.browser('olga', ['operator'])
  expect((await operator.submit(await operator.open(page))).text).toContain('notes is connected')
  await eventually(async () => (await world.textOf('ada', 'notes_whoami')) === 'olga-there')
  expect(await world.textOf('bob', 'notes_whoami')).toBe('olga-there')
  const reader = await world.token({ subject: 'ada' })
  expect((await world.rest(reader, 'DELETE', '/v1/connections/notes')).status).toBe(403)
  const token = await world.token({ subject: 'olga', roles: ['operator'] })
  expect((await world.rest(token, 'DELETE', '/v1/connections/notes')).status).toBe(200)
  await eventually(async () => (await world.textOf('ada', 'notes_whoami')) === 'credential_required')
})
