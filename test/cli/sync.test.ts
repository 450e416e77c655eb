import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { Firestore } from '@google-cloud/firestore'
import { run } from '../../src/cli/program.ts'
import { describeWithEmulator } from '../support/describe-with-emulator.ts'
import { type FirestoreEmulator, startFirestoreEmulator } from '../support/firestore-emulator.ts'

const WHOLE = `tenants:
  acme:
    displayName: Acme
    quotas: { servers: 5 }
templates:
  folder:
    configSchema:
      type: object
      properties: { path: { type: string } }
    server: { transport: stdio, command: x, args: ['\${config.path}'] }
servers:
  made: { transport: template, templateName: folder, config: { path: /srv }, tenantId: acme }
  own:
    transport: sse
    url: https://b.example.com/
    tenantId: acme
pipelines:
  both:
    tenantId: acme
    steps:
      - { id: one, tool: own_read }
enhancement_rules:
  default: { tenantId: acme, model: llama3.2, systemPrompt: Rewrite it. }
`

describeWithEmulator('the whole registry between a file and Firestore', () => {
  let emulator: FirestoreEmulator
  let folder: string
  let file: string
  let project = 0
  let projectId: string

  beforeAll(async () => {
    process.env['METADATA_SERVER_DETECTION'] = 'none'
    emulator = await startFirestoreEmulator()
    process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host
  })
  beforeEach(async () => {
    project += 1
    projectId = `demo-registry-sync-${project}`
    folder = await mkdtemp(join(tmpdir(), 'tool-gateway-sync-'))
    file = join(folder, 'registry.yaml')
    await writeFile(file, WHOLE)
  })
  afterEach(() => rm(folder, { recursive: true }))
  afterAll(() => emulator.stop())

  async function tg(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
    let out = ''
    let err = ''
    const code = await run(['registry', ...argv], {
      env: { DATA_DIR: folder, GOOGLE_CLOUD_PROJECT: projectId },
      print: (text) => void (out += text),
      printError: (text) => void (err += text),
    })
    return { code, out, err }
  }

  async function writing(task: (db: Firestore) => Promise<unknown>): Promise<void> {
    const db = new Firestore({ projectId })
    await task(db)
    await db.terminate()
  }

  test('is pushed with tenants, templates, pipelines and rules, and pulled again, the same', async () => {
    const dry = await tg('push', file, '--dry-run')
    expect([dry.code, dry.err]).toEqual([1, ''])
    for (const line of [
      '+ tenants/acme',
      '+ templates/*/folder',
      '+ acme/made',
      '+ acme/own',
      '+ pipelines/acme/both',
      '+ enhancement_rules/acme/default',
    ])
      expect(dry.out.split('\n')).toContain(line)
    const pushed = await tg('push', file, '--yes')
    expect([pushed.code, pushed.err]).toEqual([0, ''])
    expect(pushed.out).toMatch(
      /changed 1 tenant, 1 template, 2 servers, 1 pipeline, 1 enhancement rule in Firestore\n$/,
    )
    expect(await tg('push', file)).toMatchObject({ code: 0, out: 'nothing to change in Firestore\n' })
    expect(await tg('pull', file)).toMatchObject({ code: 0, out: `nothing to change in ${file}\n`, err: '' })
    const copy = join(folder, 'copy.yaml')
    expect(await tg('pull', copy, '--yes')).toMatchObject({ code: 0, err: '' })
    expect(await tg('push', copy, '--dry-run', '--prune')).toMatchObject({ code: 0 })
    const other = projectId
    projectId = `${projectId}-restored`
    expect(await tg('push', copy, '--yes')).toMatchObject({ code: 0 })
    expect(await tg('pull', file)).toMatchObject({ code: 0, out: `nothing to change in ${file}\n` })
    projectId = other
  })

  test('a change and a removal of each kind are carried, the removal with --prune only', async () => {
    await tg('push', file, '--yes')
    const changed = WHOLE.replace('servers: 5', 'servers: 6')
      .replace('Rewrite it', 'Rewrite this')
      .replace(/pipelines:[^]*(?=enhancement_rules)/, '')
    await writeFile(file, changed)
    const pushed = await tg('push', file, '--yes')
    expect(pushed.out).toMatch(
      /^~ tenants\/acme$.*^ {2}pipelines\/acme\/both: exists only in the target and is kept/ms,
    )
    expect(pushed.out).toMatch(/changed 1 tenant, 1 enhancement rule in Firestore/)
    expect((await tg('push', file, '--yes', '--prune')).out).toMatch(/^- pipelines\/acme\/both$/m)
    expect(await tg('pull', file)).toMatchObject({ code: 0, out: `nothing to change in ${file}\n` })
  })

  test('a backup has the documents that are not valid, too, and says which; they stay not valid', async () => {
    await tg('push', file, '--yes')
    await writing((db) =>
      Promise.all([
        db.doc('mcp_servers/nobody').set({ transport: 'sse', url: 'https://x.example.com/' }),
        db
          .doc('mcp_servers/acme.bad')
          .set({ name: 'bad', tenantId: 'acme', transport: 'sse', at: new Date(0) }),
        db.doc('pipelines/acme.odd').set({ name: 'odd', tenantId: 'acme', steps: 5 }),
        db.doc('tenants/NOT-ONE').set({ displayName: 'x' }),
      ]),
    )
    const copy = join(folder, 'copy.yaml')
    const pulled = await tg('pull', copy, '--yes')
    expect(pulled.code).toBe(0)
    expect(pulled.err).toMatch(/not valid: acme\/bad: /)
    expect(pulled.err).toMatch(/not valid: \/nobody: tenantId: /)
    expect(pulled.err).toMatch(/not valid: pipelines\/acme\/odd: /)
    expect(pulled.err).toMatch(/not valid: tenants\/NOT-ONE: /)
    const text = await readFile(copy, 'utf8')
    expect(text).toMatch(/nobody:\n(?: {4}.*\n)* {4}tenantId: null\n/)
    expect(text).toMatch(/odd:\n/)
    expect(text).toMatch(/NOT-ONE:\n/)
    expect(await tg('pull', copy)).toMatchObject({ code: 0, out: `nothing to change in ${copy}\n` })

    projectId = `${projectId}-restored`
    const refused = await tg('push', copy, '--yes')
    expect([refused.code, refused.err]).toEqual([65, expect.stringContaining('nothing was written')])
    const restored = await tg('push', copy, '--yes', '--skip-invalid')
    expect(restored.code).toBe(0)
    expect(restored.err).toMatch(/skipped because it is not valid: acme\/bad: /)
    expect(restored.out).toMatch(
      /changed 1 tenant, 1 template, 2 servers, 1 pipeline, 1 enhancement rule in /,
    )
  })

  test('of documents with one name a backup has the one that gateways use, and says that there are others', async () => {
    await tg('push', file, '--yes')
    const twin = { name: 'own', tenantId: 'acme', transport: 'sse', url: 'https://twin.example.com/' }
    await writing((db) => db.doc('mcp_servers/zz-twin').set(twin))
    const copy = join(folder, 'copy.yaml')
    const pulled = await tg('pull', copy, '--yes')
    expect([pulled.code, pulled.err]).toEqual([
      0,
      'warning: left out: another acme/own, which no gateway uses because of its name\n',
    ])
    const text = await readFile(copy, 'utf8')
    expect(text).toContain('https://b.example.com/')
    expect(text).not.toContain('twin.example.com')
  })

  test('--tenant carries what belongs to it alone', async () => {
    const pushed = await tg('push', file, '--yes', '--tenant', '*')
    expect(pushed.out).toMatch(/changed 1 template in Firestore\n$/)
    const own = await tg('push', file, '--yes', '--tenant', 'acme')
    expect(own.out).toMatch(/changed 1 tenant, 2 servers, 1 pipeline, 1 enhancement rule in Firestore\n$/)
  })
})
