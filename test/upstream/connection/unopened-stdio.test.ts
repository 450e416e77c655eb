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
      'or the working directory /no/such/folder does not exist',
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
