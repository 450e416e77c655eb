import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import { eventually } from '../../support/eventually.ts'
import { descendantsOf, isAlive } from '../../support/process-tree.ts'
import { definitionOf, programOf } from '../../support/server-definitions.ts'
import { Connecting } from './connecting.ts'

const connecting = new Connecting()
afterEach(() => connecting.closeAll())

describe('a stdio server that cannot be opened', () => {
  test('is reported with a command that was not found', async () => {
    const server = definitionOf({ transport: 'stdio', command: 'no-such-program-anywhere' })
    await expect(connecting.open(server)).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: 'the command no-such-program-anywhere was not found',
      facts: { server: 'sample', mayHaveExecuted: false },
    })
  })

  test('is reported with a working directory that does not exist', async () => {
    const server = programOf('raw-stdio.ts', [], { cwd: '/no/such/folder' })
    await expect(connecting.open(server)).rejects.toThrow(
      'could not be started: the working directory /no/such/folder does not exist',
    )
  })

  test('is reported with a working directory that is a file', async () => {
    const server = programOf('raw-stdio.ts', [], { cwd: '/etc/passwd' })
    await expect(connecting.open(server)).rejects.toThrow(
      'could not be started: /etc/passwd (cwd) is not a folder',
    )
  })

  test.each([
    ['names no program', '#!/no/such/interpreter\n'],
    ['ends as on Windows', '#!/bin/sh\r\necho\r\n'],
  ])('is reported with a script that is there, and whose first line %s', async (_what, text) => {
    const folder = await mkdtemp(join(tmpdir(), 'tool-gateway-test-'))
    const script = join(folder, 'server.sh')
    await writeFile(script, text, { mode: 0o755 })
    await expect(connecting.open(definitionOf({ transport: 'stdio', command: script }))).rejects.toThrow(
      `the command ${script} is there, but the program that its first line names was not found`,
    )
    await rm(folder, { recursive: true })
  })

  test('is reported with where its relative path begins', async () => {
    const relative = definitionOf({ transport: 'stdio', command: './server.js' })
    await expect(connecting.open(relative)).rejects.toThrow(
      'the command ./server.js was not found; a relative path begins at the working directory of the gateway: write the whole path',
    )
  })

  test('is reported with a command that is not executable', async () => {
    const server = definitionOf({ transport: 'stdio', command: '/etc/passwd' })
    await expect(connecting.open(server)).rejects.toThrow('the command /etc/passwd is not executable')
  })

  test('is reported with what it said last, without the values of its environment', async () => {
    const server = programOf('raw-stdio.ts', ['crash'], { env: { API_KEY: 'sk-very-secret' }, era: 'legacy' })
    await expect(connecting.open(server)).rejects.toThrow(/it said: FATAL: no access with key \*\*\*$/)
  })

  test('is given up at the deadline, with no process left', async () => {
    const before = new Set(childPids())
    const opening = connecting.open(programOf('raw-stdio.ts', ['silent']), { timeoutMs: 800 })
    await expect(opening).rejects.toThrow('it did not open within 800 ms')
    expect(childPids().filter((pid) => !before.has(pid))).toEqual([])
  })

  test('is given up when the gateway stops, with no process left', async () => {
    // A worker may still be ending processes of other files.
    const before = new Set(childPids())
    const controller = new AbortController()
    const opening = connecting.open(programOf('raw-stdio.ts', ['silent']), { signal: controller.signal })
    await eventually(() => childPids().some((pid) => !before.has(pid)))
    controller.abort(new Error('stopping'))
    await expect(opening).rejects.toThrow('stopping')
    expect(childPids().filter((pid) => !before.has(pid))).toEqual([])
  })
})

function childPids(): number[] {
  return descendantsOf(process.pid).filter(isAlive)
}
