import { describe, expect, test } from '@jest/globals'
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
