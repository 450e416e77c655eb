import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const root = join(import.meta.dirname, '../..')
const MINUTES_3 = 180_000

/** The commands of the quick start, as README has them. */
function commands(): string[] {
  const [, section = ''] = /^## Start\n(.*?)^## /ms.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? []
  return [...section.matchAll(/^ {4}(\S.*)$/gm)].map(([, command = '']) => command)
}

test(
  'the commands of the quick start work, one after the other, and a browser then finds the page with a tool to try',
  async () => {
    await using data = await temporaryDirectory()
    const port = String(await freePort())
    const env = { ...process.env, DATA_DIR: data.path, PORT: port, METRICS_PORT: 'off' }
    const [start = '', ...others] = commands()
    // What is installed is here already; installing it is the first step of CI.
    expect(start).toBe('npm install && npm start')
    const gateway = spawn('npm', ['start'], {
      cwd: root,
      env,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let log = ''
    gateway.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
    try {
      const url = `http://127.0.0.1:${port}`
      await eventually(() => /"server":"everything".*"to":"ready"/.test(log))
      const script = ['set -e', ...others].join('\n').replaceAll('http://127.0.0.1:8080', url)
      const output = await outputOf('bash', script, { ...env, TOOL_GATEWAY_URL: url })
      expect(output).toContain('everything_get-sum')
      expect(output).toContain('The sum of 1 and 2 is 3.')
      expect(output).toMatch(/"tools":\[\{/)
      expect(
        (await fetch(url, { headers: { accept: 'text/html' }, redirect: 'manual' })).status,
      ).toBeLessThan(400)
    } finally {
      await end(gateway)
    }
  },
  MINUTES_3,
)

async function outputOf(command: string, input: string, env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(command, { cwd: root, env })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  child.stdin.end(input)
  const [code] = (await once(child, 'exit')) as [number | null]
  expect([code, text]).toEqual([0, text])
  return text
}

/** npm passes a signal on to what it runs only now and then, so that the group gets it. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
  await once(child, 'exit')
}
