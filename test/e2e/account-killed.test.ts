import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { browserOf, textIn, withAccounts } from '../support/account-world.ts'
import { eventually } from '../support/eventually.ts'
import { type GatewayProcess, spawnGateway } from '../support/gateway-process.ts'
import { ProtectedServer } from '../support/protected-server.ts'

let notes: ProtectedServer
let dataDir: string

beforeAll(async () => {
  notes = await ProtectedServer.start()
  dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-killed-'))
  const registry = { servers: { notes: withAccounts(notes) } }
  await writeFile(join(dataDir, 'registry.json'), JSON.stringify(registry))
})
afterAll(async () => {
  await notes.close()
  await rm(dataDir, { recursive: true, force: true })
})

const start = (): Promise<GatewayProcess> =>
  spawnGateway({ DATA_DIR: dataDir, REGISTRY_FILE: join(dataDir, 'registry.json') })

async function kill(gateway: GatewayProcess): Promise<void> {
  gateway.child.kill('SIGKILL')
  await gateway.exited
}

async function tokenOf(gateway: GatewayProcess, subject: string): Promise<string> {
  return (await gateway.tg('token', '--subject', subject, '--roles', 'reader')).stdout.trim()
}

async function call(gateway: GatewayProcess, token: string): Promise<string> {
  const response = await fetch(`${await gateway.url()}/v1/tools/notes_whoami`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"arguments":{}}',
  })
  return textIn((await response.json()) as Record<string, unknown>)
}

test('a gateway that is killed while it renews a token loses no account', async () => {
  const first = await start()
  const subjects = ['ada', 'bob']
  const tokens = new Map<string, string>()
  for (const subject of subjects) {
    tokens.set(subject, await tokenOf(first, subject))
    const url = await first.url()
    const browser = await browserOf(subject, { url, dataDir }, [notes])
    const page = await browser.submit(await browser.open(`${url}/connect/notes`))
    expect(page.text).toContain('notes is connected')
  }
  expect(await call(first, tokens.get('ada') ?? '')).toBe('ada-there')
  const { token = '' } = notes.ledger.findLast(({ account }) => account === 'ada-there') ?? {}
  notes.barred.add(token)
  // The authorization server has the request, and has not handled it when the process ends.
  const asked = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<boolean>()
  notes.onToken = () => {
    asked.resolve()
    return ended.promise
  }
  const lost = call(first, tokens.get('ada') ?? '').catch(() => 'lost')
  await asked.promise
  await kill(first)
  ended.resolve(false)
  expect(await lost).toBe('lost')
  notes.onToken = () => true
  const second = await start()
  for (const subject of subjects)
    await eventually(async () => (await call(second, tokens.get(subject) ?? '')) === `${subject}-there`)
  expect(notes.granted('refresh_token')).toBe(1)
  await kill(second)
})
