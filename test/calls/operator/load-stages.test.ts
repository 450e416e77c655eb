import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { Call } from '../../../src/calls/call.ts'
import { Calls } from '../../../src/calls/calls.ts'
import { loadStages } from '../../../src/calls/operator/load-stages.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { server } from '../../support/offers.ts'
import { caller, operation } from '../../support/routing.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const EXAMPLE = 'examples/stages/keep-addresses.ts'
const clock = new FakeClock()

/** Calls through the stages of these modules to a server that answers as given. */
async function callsThrough(modules: string[], answer: (it: Call) => JsonObject, name = 'crm') {
  const closers: [string, () => Promise<void> | void][] = []
  const stages = await loadStages(modules, {
    clock,
    logger: silentLogger,
    onClose: (what, close) => closers.push([what, close]),
  })
  const route = { server: server({ name }), name: 'find_customer' }
  const calls = new Calls({
    clock,
    stages: [
      (it, next) => {
        it.route = it.operation.name === 'crm_export_all' ? { ...route, name: 'export_all' } : route
        it.timeoutMs = 1000
        return next()
      },
      ...stages,
      (it) => Promise.resolve(answer(it)),
    ],
  })
  return { calls, closers }
}

/** A module with that text, in a folder of its own. */
async function withModules<T>(
  texts: Record<string, string>,
  use: (pathOf: (name: string) => string) => Promise<T>,
): Promise<T> {
  await using directory = await temporaryDirectory()
  for (const [name, text] of Object.entries(texts)) await writeFile(join(directory.path, name), text)
  return await use((name) => join(directory.path, name))
}

describe('the example', () => {
  test('adds an argument for one server and takes e-mail addresses out of every result', async () => {
    const { calls } = await callsThrough([EXAMPLE], ({ params }) => ({
      content: [{ type: 'text', text: 'Write to ann@example.com or bob@example.org.' }],
      structuredContent: { customer: { mail: 'ann@example.com', age: 42 }, sent: params['arguments'] },
    }))
    expect(await calls.run(caller(), operation())).toEqual({
      content: [{ type: 'text', text: 'Write to [address] or [address].' }],
      structuredContent: {
        customer: { mail: '[address]', age: 42 },
        sent: { a: 1, requestedBy: 'ann' },
      },
    })
  })

  test('adds nothing for other servers', async () => {
    const { calls } = await callsThrough([EXAMPLE], ({ params }) => ({ sent: params['arguments'] }), 'other')
    expect(await calls.run(caller(), operation())).toEqual({ sent: { a: 1 } })
  })

  test('refuses what guests may not do, before anything is sent', async () => {
    let sent = 0
    const { calls } = await callsThrough([EXAMPLE], () => ({ sent: (sent += 1) }))
    const exporting = operation({ name: 'crm_export_all' })
    await expect(calls.run(caller({ roles: ['guest'] }), exporting)).rejects.toMatchObject({
      code: 'forbidden',
      message: 'Guests may not export',
    })
    expect(await calls.run(caller({ roles: ['reader'] }), exporting)).toEqual({ sent: 1 })
  })
})

test('stages are around each other in the order of the setting, and are closed with the gateway', async () => {
  const named = (name: string): string => `
    export const createStage = async ({ onClose }) => {
      onClose(() => (globalThis.closedStages = [...(globalThis.closedStages ?? []), '${name}']))
      return async (call, next) => ({ ${name}: await next() })
    }`
  await withModules({ 'outer.mjs': named('outer'), 'inner.mjs': named('inner') }, async (pathOf) => {
    const modules = [pathOf('outer.mjs'), pathOf('inner.mjs')]
    const { calls, closers } = await callsThrough(modules, () => ({ sent: true }))
    expect(await calls.run(caller(), operation())).toEqual({ outer: { inner: { sent: true } } })
    expect(closers.map(([what]) => what)).toEqual(modules.map((path) => `stage ${path}`))
    for (const [, close] of closers) await close()
    expect(Reflect.get(globalThis, 'closedStages')).toEqual(['outer', 'inner'])
  })
})

test('every module that cannot be used is named, with what is wrong with it', async () => {
  const texts = {
    'empty.mjs': '',
    'throws.mjs': 'throw new Error("no such thing")',
    'fails.mjs': 'export const createStage = () => { throw new Error("no key") }',
    'gives-nothing.mjs': 'export const createStage = () => undefined',
    'fine.mjs': 'export const createStage = () => (call, next) => next()',
  }
  await withModules(texts, async (pathOf) => {
    const modules = [...Object.keys(texts), 'missing.mjs'].map(pathOf)
    const loading = callsThrough(modules, () => ({}))
    await expect(loading).rejects.toMatchObject({
      name: 'SettingsError',
      problems: [
        expect.objectContaining({ name: 'CALL_STAGES' }),
        expect.anything(),
        expect.anything(),
        expect.anything(),
        expect.anything(),
      ],
    })
    const text = await loading.catch(String)
    for (const problem of [
      `${pathOf('empty.mjs')}: it does not export a function createStage`,
      `${pathOf('throws.mjs')}: no such thing`,
      `${pathOf('fails.mjs')}: no key`,
      `${pathOf('gives-nothing.mjs')}: createStage does not return a function`,
      `${pathOf('missing.mjs')}: `,
    ])
      expect(text).toContain(problem)
    expect(text).not.toContain('fine.mjs')
  })
})
