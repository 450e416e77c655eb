import { describe, expect, test } from '@jest/globals'
import { settingsSchema } from '../../src/config/schema.ts'
import { notesOf } from '../../src/config/setting.ts'
import { run } from '../../src/cli/program.ts'

async function tg(
  argv: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const code = await run(argv, {
    env,
    print: (text) => void (out += text),
    printError: (text) => void (err += text),
  })
  return { code, out, err }
}

describe('config check', () => {
  test('shows what the settings come to', async () => {
    const { code, out } = await tg(['config', 'check'], { PORT: '9000' })
    expect(code).toBe(0)
    expect(out).toMatch(/^PORT\tset\t9000$/m)
    expect(JSON.parse((await tg(['config', 'check', '--json'], {})).out)).toMatchObject({
      port: 8080,
      host: '127.0.0.1',
    })
  })

  test('names settings as one sets them, with defaults, and shows no secret', async () => {
    const key = 'ab'.repeat(32)
    const env = { STATE_KEY: key }
    const { out } = await tg(['config', 'check'], env)
    expect(out).toMatch(/^REGISTRY_FILE\tdefault\t\.data\/registry\.yaml$/m)
    expect(out).toMatch(/^STATE_KEY\tset\t\*{8}$/m)
    expect(out).not.toMatch(/^[a-z]/m)
    const json = await tg(['config', 'check', '--json'], env)
    expect(JSON.parse(json.out)).toMatchObject({ stateKey: '********' })
    expect(out).not.toContain(key)
    expect(json.out).not.toContain(key)
  })

  test('masks the value of every setting that is a secret, also in what other settings come to', async () => {
    const secrets = {
      OIDC_CLIENT_SECRET: 'client-canary',
      STATE_KEY: '1a'.repeat(32),
      STATE_KEY_PREVIOUS: '2b'.repeat(32),
      AUDIT_DIGEST_KEY: '3c'.repeat(32),
      AUDIT_DIGEST_KEY_PREVIOUS: '4d'.repeat(32),
      AUDIT_SIGNING_KEY: '5e'.repeat(32),
      AUDIT_SIGNING_KEY_PREVIOUS: '6f'.repeat(32),
      VAULT_KEYS: `${'7a'.repeat(32)},${'8b'.repeat(32)}`,
      APPROVAL_WEBHOOK_SECRET: `whsec_${'9'.repeat(32)}`,
    }
    const env = {
      ...secrets,
      OIDC_ISSUER: 'https://id.example',
      OIDC_CLIENT_ID: 'gateway',
      APPROVAL_WEBHOOK_URL: 'https://chat.example/hook',
    }
    const table = await tg(['config', 'check'], env)
    const json = await tg(['config', 'check', '--json'], env)

    expect([table.code, json.code]).toEqual([0, 0])
    const values = Object.values(secrets).flatMap((text) => text.split(','))
    for (const value of values) expect(table.out + json.out).not.toContain(value)
    expect(table.out.match(/\tset\t\*{8}$/gm)).toHaveLength(9)
    expect(json.out.match(/"\*{8}"/g)).toHaveLength(10)
  })

  test('a setting with the name of a secret is one', () => {
    const NO_SECRETS = ['VAULT_KMS_KEY']
    const named = Object.entries(settingsSchema.shape).filter(
      ([name]) => /(KEY|KEYS|SECRET|PASSWORD|TOKEN|KEY_PREVIOUS)$/.test(name) && !NO_SECRETS.includes(name),
    )
    expect(named.length).toBeGreaterThan(8)
    expect(named.filter(([, schema]) => !notesOf(schema).isSecret)).toEqual([])
  })

  test('warns of names that are almost those of settings', async () => {
    const { code, err } = await tg(['config', 'check'], { METRIC_PORT: 'off', DATADIR: 'x' })
    expect(code).toBe(0)
    expect(err).toBe(
      'warning: METRIC_PORT is not a setting and has no effect; did you mean METRICS_PORT?\n' +
        'warning: DATADIR is not a setting and has no effect; did you mean DATA_DIR?\n',
    )
  })

  test('names every problem and ends with 78', async () => {
    const { code, err } = await tg(['config', 'check'], { PORT: 'x', LOG_LEVEL: 'y' })
    expect(code).toBe(78)
    expect(err).toMatch(/PORT.*LOG_LEVEL/s)
  })
})
