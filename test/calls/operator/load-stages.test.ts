import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { RoutedCall } from '../../../src/calls/stage.ts'
import { loadStages } from '../../../src/calls/operator/load-stages.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { offer, server, tool } from '../../support/offers.ts'
import { answering, callsThrough, caller, catalogOf, operation } from '../../support/routing.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const EXAMPLE = 'examples/stages/keep-addresses.ts'
const clock = new FakeClock()
const finding = operation({ name: 'crm_find_customer' })

/** Calls through the stages of these modules to a server that answers as given. */
async function throughModules(modules: string[], answer: (call: RoutedCall) => JsonObject, name = 'crm') {
  const closers: [string, () => Promise<void> | void][] = []
  const stages = await loadStages(modules, {
    clock,
    logger: silentLogger,
    onClose: (what, close) => closers.push([what, close]),
  })
  const offered = offer({ tools: [tool('find_customer'), tool('export_all')] })
  const catalog = catalogOf([server({ name, timeoutMs: 1000 }), offered])
  const calls = callsThrough(catalog, [...stages.map((stage) => () => stage), answering(answer)], { clock })
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
    const { calls } = await throughModules([EXAMPLE], ({ params }) => ({
      content: [{ type: 'text', text: 'Write to ann@example.com or bob@example.org.' }],
      structuredContent: { customer: { mail: 'ann@example.com', age: 42 }, sent: params['arguments'] },
    }))
    expect(await calls.run(caller(), finding)).toEqual({
      content: [{ type: 'text', text: 'Write to [address] or [address].' }],
      structuredContent: {
        customer: { mail: '[address]', age: 42 },
        sent: { a: 1, requestedBy: 'ann' },
      },
    })
  })

  test('adds nothing for other servers', async () => {
    const { calls } = await throughModules(
      [EXAMPLE],
      ({ params }) => ({ sent: params['arguments'] }),
      'other',
    )
    expect(await calls.run(caller(), operation({ name: 'other_find_customer' }))).toEqual({ sent: { a: 1 } })
  })

  test('refuses what guests may not do, before anything is sent', async () => {
    let sent = 0
    const { calls } = await throughModules([EXAMPLE], () => ({ sent: (sent += 1) }))
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
    const { calls, closers } = await throughModules(modules, () => ({ sent: true }))
    expect(await calls.run(caller(), finding)).toEqual({ outer: { inner: { sent: true } } })
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
    const loading = throughModules(modules, () => ({}))
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
