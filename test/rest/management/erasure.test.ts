import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openSigningKeys } from '../../../src/audit/chain/signing-keys.ts'
import { verifyChains } from '../../../src/audit/chain/verify.ts'
import type { Verification } from '../../../src/audit/chain/findings.ts'
import { openStoredChains } from '../../../src/audit/export/stored-chains.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { openTestApp, type TestApp } from '../../support/test-app.ts'

let app: TestApp
let ann: string
let auditor: string
let both: string

beforeAll(async () => {
  app = await openTestApp({})
  ann = await app.token({ subject: 'ann-of-the-sea', roles: ['operator'] })
  auditor = await app.token({ subject: 'aude', roles: ['auditor'] })
  both = await app.token({ subject: 'dora', roles: ['auditor', 'operator'] })
  for (const path of ['/v1/tools/nothing_there', '/v1/tools/nothing_else'])
    await app.rest(ann, 'POST', path, {})
  await app.rest(ann, 'DELETE', '/v1/caches')
  await app.rest(both, 'DELETE', '/v1/caches')
})

afterAll(() => app.close())

async function records(query = ''): Promise<JsonObject[]> {
  const { body } = await app.rest(auditor, 'GET', `/v1/audit?limit=100${query}`)
  return body['records'] as JsonObject[]
}

async function verified(): Promise<Verification> {
  const [{ verifierKey }] = await openSigningKeys({ dataDir: app.dataDir })
  const stored = await openStoredChains({ dataDir: app.dataDir, firestore: undefined })
  try {
    return await verifyChains(stored.entries(), { verifierKeys: [verifierKey], nowMs: Date.now() })
  } finally {
    await stored.close()
  }
}

test('erasing a person needs both roles', async () => {
  const path = '/v1/audit/persons/ann-of-the-sea'
  expect((await app.rest(auditor, 'DELETE', path)).status).toBe(403)
  expect((await app.rest(ann, 'DELETE', path)).status).toBe(403)
  expect((await app.rest(both, 'DELETE', '/v1/audit/persons/somebody-else')).status).toBe(404)
  expect(await records('&subject=ann-of-the-sea')).toHaveLength(3)
})

test('a person that was erased is in no record and no file of the database, and the chain is verified as before', async () => {
  const answer = await app.rest(both, 'DELETE', '/v1/audit/persons/ann-of-the-sea')
  expect(answer).toMatchObject({ status: 200, body: { erased: 3, record: expect.any(String) } })

  expect(await records('&subject=ann-of-the-sea')).toEqual([])
  const erased = (await records()).filter(({ erasedBy }) => erasedBy === answer.body['record'])
  expect(erased.map(({ subject, action, outcome }) => [subject, action, outcome])).toEqual([
    ['', 'cache.clear', 'changed'],
    ['', 'call', 'denied'],
    ['', 'call', 'denied'],
  ])
  expect(JSON.stringify(await records())).not.toMatch(/ann-of-the-sea|nothing_there/)
  for (const file of ['audit.db', 'audit.db-wal'])
    expect(await readFile(join(app.dataDir, file), 'latin1')).not.toContain('ann-of-the-sea')

  const { findings, notes } = await verified()
  expect(findings).toEqual([])
  expect(notes).toContain(
    `the personal parts of 3 records were erased, as ${String(answer.body['record'])} says`,
  )
})

test('who erased others can be erased, too', async () => {
  expect(await app.rest(both, 'DELETE', '/v1/audit/persons/dora')).toMatchObject({ body: { erased: 2 } })
  expect((await verified()).findings).toEqual([])
})
