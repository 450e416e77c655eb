import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from '@jest/globals'
import { endsWithUs } from '../support/ends-with-us.ts'

/** The exit code of a command whose output nobody reads. */
async function unread(args: string[]): Promise<unknown> {
  const child = spawn(process.execPath, ['src/cli/tool-gateway.ts', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  endsWithUs(child)
  child.stdout.destroy()
  child.stderr.destroy()
  const [code] = (await once(child, 'exit')) as [number | null]
  return code
}

test('a command whose reader has gone ends as it would have ended', async () => {
  expect(await unread(['--help'])).toBe(0)
  expect(await unread(['no-such-command'])).toBe(64)
})
