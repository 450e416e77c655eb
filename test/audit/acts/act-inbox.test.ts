import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { ActInbox, leaveAct } from '../../../src/audit/acts/act-inbox.ts'
import type { Actor, AdministrativeAct } from '../../../src/audit/administration.ts'
import { systemClock } from '../../../src/domain/clock.ts'
import { eventually } from '../../support/eventually.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

let dir: Awaited<ReturnType<typeof temporaryDirectory>>
let inbox: ActInbox
const written: { actor: Actor; act: AdministrativeAct }[] = []

beforeEach(async () => {
  dir = await temporaryDirectory()
  written.length = 0
  inbox = new ActInbox({
    dataDir: dir.path,
    acts: { record: async (actor, act) => void written.push({ actor, act }) },
    clock: systemClock,
    logger: silentLogger,
  })
})

afterEach(async () => {
  await inbox.close()
  await dir[Symbol.asyncDispose]()
})

const act = {
  action: 'token.issue',
  tenantId: 'acme',
  name: 'ann',
  by: 'root',
  change: { roles: ['operator'] },
} as const

test('what commands left is recorded once, in order, with the time at which it was done', async () => {
  await leaveAct(dir.path, act, { now: () => Date.parse('2026-01-02T03:04:05Z') })
  await leaveAct(dir.path, { ...act, name: 'ben' }, { now: () => Date.parse('2026-01-02T03:04:06Z') })
  inbox.start()
  await eventually(() => written.length === 2, { what: 'both records' })
  await eventually(async () => (await readdir(join(dir.path, 'acts'))).length === 0, {
    what: 'an empty folder',
  })

  expect(written[0]).toEqual({
    actor: {
      principal: { tenantId: 'acme', subject: 'root' },
      requestId: 'command-line',
      face: 'command-line',
    },
    act: {
      action: 'token.issue',
      object: { tenantId: 'acme', name: 'ann' },
      change: { doneAt: '2026-01-02T03:04:05.000Z', roles: ['operator'] },
    },
  })
  expect(written[1]?.act.object.name).toBe('ben')
})

test('a file that is no act stays, and keeps no other from being recorded', async () => {
  await leaveAct(dir.path, act, { now: () => Date.parse('2026-01-02T03:04:05Z') })
  await writeFile(join(dir.path, 'acts', '0000.json'), '{"action":"x"}', { mode: 0o600 })
  inbox.start()
  await eventually(() => written.length === 1, { what: 'the record' })
  await eventually(async () => (await readdir(join(dir.path, 'acts'))).length === 1, {
    what: 'the other file',
  })
  expect(await readdir(join(dir.path, 'acts'))).toEqual(['0000.json'])
})
