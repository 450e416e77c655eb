import { readFile } from 'node:fs/promises'
import { expect, test } from '@jest/globals'
import { SECTIONS, settingsSchema } from '../src/config/schema.ts'
import { notesOf } from '../src/config/setting.ts'
import { z } from 'zod'
import { pages } from '../scripts/write-docs.ts'

const GENERATED = ['docs/config.md', 'docs/errors.md']

test('the generated pages are those that the script writes', async () => {
  expect([...(await pages()).keys()]).toEqual(GENERATED)
})

test.each(GENERATED)('%s is up to date (else: npm run docs)', async (path) => {
  expect(await readFile(new URL(`../${path}`, import.meta.url), 'utf8')).toBe((await pages()).get(path))
})

test('every setting is in exactly one section, with a sentence and what is expected', () => {
  const documented = Object.values(SECTIONS).flatMap((settings) => Object.entries(settings))
  expect(documented.map(([name]) => name).toSorted()).toEqual(Object.keys(settingsSchema.shape).toSorted())
  for (const [, schema] of documented) {
    expect(notesOf(schema)).toEqual({
      meaning: expect.stringMatching(/\.$/),
      expected: expect.stringMatching(/./),
      fallback: expect.stringMatching(/./),
    })
  }
})

test('a schema that is no setting has no notes', () => {
  expect(() => notesOf(z.string())).toThrow(TypeError)
})
