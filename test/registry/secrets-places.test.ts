import { chmod, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { systemClock } from '../../src/domain/clock.ts'
import { SecretsEnvironment } from '../../src/secrets/secrets-environment.ts'
import { SecretsFile } from '../../src/secrets/secrets-file.ts'
import { openSecrets } from '../../src/secrets/secrets-open.ts'
import { eventually } from '../support/eventually.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { reference } from './secrets-source.ts'

const KEY = reference('secret://acme_key')
const OPTIONS = { clock: systemClock, logger: silentLogger }

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let path: string
let file: SecretsFile

beforeEach(async () => {
  directory = await temporaryDirectory()
  path = join(directory.path, 'secrets.yaml')
  file = new SecretsFile({ path, ...OPTIONS })
})
afterEach(async () => {
  await file.close()
  await directory[Symbol.asyncDispose]()
})

async function write(text: string | Buffer, mode = 0o600): Promise<void> {
  await writeFile(`${path}.next`, text, { mode })
  await chmod(`${path}.next`, mode)
  await rename(`${path}.next`, path)
}

async function messageOfRead(): Promise<string> {
  return file.read(KEY).then(
    () => 'it was read',
    (error: Error) => error.message,
  )
}

describe('a file of secrets', () => {
  test.each([
    ['YAML', "acme_key: value # comment\nacme_key#2: 'pinned'\n"],
    ['JSON', '{"acme_key": "value", "acme_key#2": "pinned"}'],
  ])('is a map in %s, with versions for those who want them', async (_format, text) => {
    await write(text)
    expect(await file.read(KEY)).toEqual({ value: 'value', version: undefined })
    expect(await file.read(reference('secret://acme_key#2'))).toEqual({ value: 'pinned', version: undefined })
    await expect(file.read(reference('secret://acme_key#3'))).rejects.toMatchObject({
      problem: 'missing',
      message: 'secret://acme_key#3: it is not in the file of secrets',
    })
  })

  test.each([0o640, 0o604, 0o660, 0o644])('that others can read (mode %o) is refused', async (mode) => {
    await write('acme_key: canary', mode)
    await expect(file.read(KEY)).rejects.toMatchObject({ problem: 'denied' })
    expect(await messageOfRead()).toBe(
      `secret://acme_key: ${path} can be read by other users (mode 0${mode.toString(8)}); chmod 0600 it, and replace secrets that were exposed`,
    )
  })

  test.each([
    ['acme_key: [canary]', 'entries that are not <tenant>_<name> with a string: 1 (numbers need quotes)'],
    ['acme_key: 12345', 'entries that are not <tenant>_<name> with a string: 1 (numbers need quotes)'],
    ['canary: value', 'entries that are not <tenant>_<name> with a string: 1 (numbers need quotes)'],
    ['canary', 'not a map from names to values'],
    ['acme_key: *canary', 'not a map from names to values'],
    ['acme_key: "canary', 'not a map from names to values'],
    ['acme_key: &a canary\nacme_b: *a', 'not a map from names to values'],
    ['', 'not a map from names to values'],
    [Buffer.from([0x61, 0xff]), 'not valid UTF-8'],
    ['#'.repeat(1024 * 1024 + 1), 'larger than 1048576 bytes'],
  ])('that cannot be used is refused without a word of it (%#)', async (text, problem) => {
    await write(text)
    expect(await messageOfRead()).toBe(`secret://acme_key: the file of secrets cannot be used: ${problem}`)
    await expect(file.read(KEY)).rejects.toMatchObject({ problem: 'unavailable' })
  })

  test('that is not there, or no file, is an outage', async () => {
    expect(await messageOfRead()).toBe('secret://acme_key: the file of secrets cannot be read (ENOENT)')
    const folder = new SecretsFile({ path: directory.path, ...OPTIONS })
    await expect(folder.read(KEY)).rejects.toThrow(
      'secret://acme_key: the file of secrets cannot be read (not a regular file)',
    )
  })

  test('is watched: a change, its removal and its return are noticed', async () => {
    await write('acme_key: one')
    let changes = 0
    file.watch(() => (changes += 1))
    expect((await file.read(KEY)).value).toBe('one')
    await write('acme_key: two')
    await eventually(() => changes === 1)
    expect((await file.read(KEY)).value).toBe('two')
    await unlink(path)
    await eventually(() => changes === 2)
    await expect(file.read(KEY)).rejects.toMatchObject({ problem: 'unavailable' })
    await write('acme_key: three')
    await eventually(() => changes === 3)
    expect((await file.read(KEY)).value).toBe('three')
  })

  test('is noticed when others may read it from now on', async () => {
    await write('acme_key: one')
    let changes = 0
    file.watch(() => (changes += 1))
    await file.read(KEY)
    await chmod(path, 0o644)
    await eventually(() => changes === 1)
    await expect(file.read(KEY)).rejects.toMatchObject({ problem: 'denied' })
  })
})

describe('secrets in environment variables', () => {
  const variables = [
    { name: 'acme_key', variable: 'GITHUB_TOKEN' },
    { name: 'acme_unset', variable: 'NOT_THERE' },
  ]
  const source = new SecretsEnvironment({ variables, env: { GITHUB_TOKEN: 'value', acme_other: 'canary' } })

  test('are those that are listed', async () => {
    expect(await source.read(KEY)).toEqual({ value: 'value', version: undefined })
    await expect(source.close()).resolves.toBeUndefined()
  })

  test.each(['secret://acme_other', 'secret://acme_unset', 'secret://acme_key#1'])(
    'are not others: %s',
    async (text) => {
      await expect(source.read(reference(text))).rejects.toMatchObject({
        problem: 'missing',
        message: `${text}: it is in no environment variable that SECRETS_ENV lists`,
      })
    },
  )
})

describe('the settings', () => {
  const users = { reconnect: () => undefined, isDown: () => false }
  const nowhere = {
    secretsFile: undefined,
    secretsEnv: [],
    secretsProject: undefined,
    secretsPrefix: '',
    secretsTtlMs: 1000,
  }
  const options = { ...OPTIONS, env: { TOKEN: 'of the environment' }, random: () => 0.5, users }

  test('may name no place for secrets: every one is then refused', async () => {
    const secrets = openSecrets(nowhere, options)
    await expect(secrets.resolve(KEY)).rejects.toThrow(
      'secret://acme_key: no secret source is configured; set SECRETS_FILE, SECRETS_ENV or SECRETS_PROJECT',
    )
    expect(secrets.counts()).toEqual({ fresh: 0, stale: 0, refused: 1 })
    await secrets.close()
  })

  test('may name a file and variables: the file comes first', async () => {
    await write('acme_key: of the file')
    const secretsEnv = ['acme_key', 'acme_other'].map((name) => ({ name, variable: 'TOKEN' }))
    const secrets = openSecrets({ ...nowhere, secretsFile: path, secretsEnv }, options)
    expect(await secrets.resolve(KEY)).toBe('of the file')
    expect(await secrets.resolve(reference('secret://acme_other'))).toBe('of the environment')
    await secrets.close()
  })
})
