import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'

test('the way of a plain call that ARCHITECTURE.md shows is the one that V8 counts, of at most 45 files', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['bench/call-path.ts', 'http', 'modern'])
  const [passed = ''] = stdout.split(/^\d+ files on the way to the server/m)
  const text = await readFile('ARCHITECTURE.md', 'utf8')
  const table = /^\| Step .*\n(?:\|.*\n)+/m.exec(text)?.[0] ?? ''
  const shown = Array.from(table.matchAll(/`([^`]+\.ts)`/g), ([, file]) => file)
  expect(new Set(passed.trim().split('\n'))).toEqual(new Set(shown))
  expect(shown.length).toBeLessThanOrEqual(45)
}, 60_000)
