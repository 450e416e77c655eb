import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { expect, test } from '@jest/globals'
import { createLogger } from '../../src/telemetry/logger.ts'
import { type AccountWorld, startAccountWorld, withAccounts } from '../support/account-world.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mcp-clients.ts'
import { ProtectedServer } from '../support/protected-server.ts'
import { recordSpans } from '../support/recorded-spans.ts'

const CLIENT_SECRET = 'planted-client-secret-of-the-document'

/** What is shown to callers and operators of everything that happened. */
async function shownBy(world: AccountWorld, subject: string): Promise<string> {
  const token = await world.token({ subject, roles: ['reader', 'operator', 'auditor'] })
  const paths = [
    '/v1/tools',
    '/v1/servers',
    '/v1/servers/notes',
    '/v1/connections',
    '/v1/connections?of=tenant',
    '/v1/audit',
    '/v1/whoami',
    '/v1/sessions',
    '/v1/caches',
    '/health',
    '/health/notes',
  ]
  const answers = await Promise.all(paths.map((path) => world.rest(token, 'GET', path)))
  const inspected = await world.rest(token, 'POST', '/v1/servers/notes/inspect', {})
  return JSON.stringify([...answers, inspected].map(({ body, headers }) => [body, [...headers]]))
}

async function filesIn(dir: string): Promise<{ path: string; bytes: Buffer }[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
  return Promise.all(files.map(async (path) => ({ path, bytes: await readFile(path) })))
}

test('tokens, codes and secrets of accounts are in no log, error, span, metric, record, file or answer', async () => {
  const written: string[] = []
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      written.push(chunk.toString())
      done()
    },
  })
  const recorded = recordSpans()
  const notes = await ProtectedServer.start({ clientSecret: CLIENT_SECRET })
  const auth = { kind: 'oauth', clientId: 'of-the-document', clientSecret: CLIENT_SECRET }
  const world = await startAccountWorld({ notes: withAccounts(notes, { auth }) }, [notes], {
    logger: createLogger({ level: 'trace', format: 'json', destination }),
  })
  const pages = [await world.connect('ada', 'notes')]
  const errors: unknown[] = [(await world.call('stranger', 'notes_whoami')).body]
  await world.textOf('ada', 'notes_whoami')
  errors.push((await world.call('ada', 'notes_write')).body)
  const client = await connectClient('modern', world.url, await world.token({ subject: 'ada' }))
  await client.callTool({ name: 'notes_whoami', arguments: {} })
  errors.push(await client.callTool({ name: 'notes_write', arguments: {} }).catch((error: unknown) => error))
  await client.close()
  // The server takes no token any more, not even a renewed one.
  const has = notes.barred.has.bind(notes.barred)
  notes.barred.has = () => true
  errors.push((await world.call('ada', 'notes_whoami')).body)
  notes.barred.has = has
  pages.push(await world.connect('ada', 'notes'))
  // The authorization server is away in the middle of everything.
  notes.onToken = () => false
  notes.barred.add(notes.ledger.findLast(({ token }) => token !== undefined)?.token ?? '')
  errors.push((await world.call('ada', 'notes_whoami')).body)
  pages.push(await world.agree('bob', `${world.url}/connect/notes`))
  notes.onToken = () => true
  const shown = await shownBy(world, 'ada')
  const metrics = await (await fetch(String(world.gateway.metricsUrl))).text()
  await world.rest(await world.token({ subject: 'ada' }), 'DELETE', '/v1/connections/notes')
  await eventually(() => written.join('').includes('account disconnected'))
  await world.gateway.close()
  await recorded.stop()

  const places: [string, string | Buffer][] = [
    ['the log', written.join('')],
    ['errors', JSON.stringify(errors)],
    ['pages', JSON.stringify(pages.map(({ text }) => text))],
    ['answers', shown],
    ['metrics', metrics],
    ['spans', JSON.stringify(recorded.spans)],
    ...(await filesIn(world.dataDir))
      .filter(({ path }) => !path.endsWith('registry.json'))
      .map(({ path, bytes }): [string, Buffer] => [path, bytes]),
  ]
  expect(notes.secrets.size).toBeGreaterThan(6)
  for (const secret of [...notes.secrets, CLIENT_SECRET]) {
    for (const [place, content] of places) expect([place, content.includes(secret)]).toEqual([place, false])
  }
  await notes.close()
})
