import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, resolve } from 'node:path'
import { expect, test } from '@jest/globals'

const src = resolve(import.meta.dirname, '../../src')
const STATIC_IMPORT = /^(?:import|export)\s+(?!type\b)(?:[\w$*{},\s]+?\sfrom\s+)?['"]([^'"]+)['"]/gm
const DYNAMIC_IMPORT = /\bawait import\(['"]([^'"]+)['"]\)/g

/** The packages that are loaded with a file of src, directly and through other files. */
function packagesOf(file: string): string[] {
  const seen = new Set<string>()
  const packages = new Set<string>()
  const visit = (path: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    for (const [, specifier = ''] of readFileSync(path, 'utf8').matchAll(STATIC_IMPORT)) {
      if (specifier.startsWith('.')) visit(resolve(dirname(path), specifier))
      else if (!isBuiltin(specifier)) packages.add(specifier)
    }
  }
  visit(resolve(src, file))
  return [...packages].toSorted()
}

test('the walk sees packages through other files, and what only types need does not count', () => {
  expect(packagesOf('run-gateway.ts')).toEqual(
    expect.arrayContaining(['zod', 'express', '@opentelemetry/api']),
  )
  expect(packagesOf('config/version.ts')).toEqual([])
})

test('what every command loads at its start holds no package but the one that reads command lines', () => {
  expect(packagesOf('cli/program.ts')).toEqual(['commander'])
  const entry = readFileSync(resolve(src, 'cli/tool-gateway.ts'), 'utf8')
  const loaded = [...entry.matchAll(DYNAMIC_IMPORT)].map(([, specifier]) => specifier)
  expect(loaded).toEqual(['./program.ts', 'node:readline/promises'])
  expect(packagesOf('cli/tool-gateway.ts')).toEqual([])
})

test('a token is made without what reads settings', () => {
  expect(packagesOf('identity/local-issuer.ts').every((name) => name.startsWith('jose/'))).toBe(true)
})
