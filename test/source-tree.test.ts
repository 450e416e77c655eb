import { dirname } from 'node:path'
import { expect, test } from '@jest/globals'
import { cyclesIn, importGraph, sourceFiles } from './support/source-graph.ts'

const MAX_FILES = 18
/** Of any file, blank lines and comments included. */
const MAX_LINES = 300
/** Of a file that only one other imports: fewer are no concept of their own. */
const MIN_LINES = 10
/** A docstring, if one ends on the line before, and the line of an export. */
const EXPORT = /(^\/\*\*(?:(?!\*\/)[^])*\*\/\n)?^(export\b.*)/gm
const DECLARATION =
  /^export (?:default )?(?:declare )?(?:async |abstract )?(?:function\*?|class|interface|type|const|let|enum) (\w+)/

const files = sourceFiles()
const graph = importGraph(files)

test('a cycle is found', () => {
  const cycle = new Map([
    ['a', new Set(['b'])],
    ['b', new Set(['c'])],
    ['c', new Set(['b'])],
  ])
  expect(cyclesIn(cycle)).toEqual(['b → c → b'])
  expect(graph.get('assembly/open-calls.ts')).toContain('calls/call-chain.ts')
})

test(`no folder has more than ${MAX_FILES} files`, () => {
  const counts = Map.groupBy(files, ({ path }) => dirname(path))
  expect([...counts].filter(([, inside]) => inside.length > MAX_FILES).map(([folder]) => folder)).toEqual([])
})

test(`no file has more than ${MAX_LINES} lines`, () => {
  const long = files.filter(({ text }) => text.trimEnd().split('\n').length > MAX_LINES)
  expect(long.map(({ path }) => path)).toEqual([])
})

test(`no file of fewer than ${MIN_LINES} lines has only one importer, which could hold it`, () => {
  const importers = new Map<string, number>()
  for (const target of [...graph.values()].flatMap((targets) => [...targets]))
    importers.set(target, (importers.get(target) ?? 0) + 1)
  const short = files.filter(({ text }) => text.trimEnd().split('\n').length < MIN_LINES)
  expect(short.map(({ path }) => path).filter((path) => importers.get(path) === 1)).toEqual([])
})

test('no file imports itself by way of others, not even for a type', () => {
  expect(cyclesIn(graph)).toEqual([])
})

test('of the folders in one folder none imports itself by way of others', () => {
  expect([...siblings()].flatMap(([, folders]) => cyclesIn(folders))).toEqual([])
})

test('an export without a docstring is found, overloads count once', () => {
  const text = [
    '/** Documented. */\nexport const a = 1',
    '/**\n * Documented.\n */\nexport function b(x: string): string\nexport function b(x: number): number',
    '// a comment\nexport type C = string',
    '/* a comment */\nexport async function d(): Promise<void> {}',
    "/** Documented, and declared elsewhere. */\nexport { e } from './e.ts'",
    '/** Of the file. */\n\nexport default class F {}',
  ].join('\n\n')
  expect(undocumentedIn(text)).toEqual(['C', 'd', "export { e } from './e.ts'", 'F'])
})

test('every export is declared where it is exported, and has a docstring', () => {
  expect(files.flatMap(({ path, text }) => undocumentedIn(text).map((name) => `${path}: ${name}`))).toEqual(
    [],
  )
})

/** The exports of a file that no docstring stands right above; re-exports are among them. */
function undocumentedIn(text: string): string[] {
  const documented = new Set<string>()
  const exported = [...text.matchAll(EXPORT)].map(([, docstring, line = '']) => {
    const name = DECLARATION.exec(line)?.[1] ?? line
    if (docstring !== undefined && name !== line) documented.add(name)
    return name
  })
  return exported.filter((name) => !documented.has(name))
}

/** For each folder, which of those in it imports which. */
function siblings(): Map<string, Map<string, Set<string>>> {
  const found = new Map<string, Map<string, Set<string>>>()
  for (const [path, targets] of graph) {
    for (const target of targets) {
      const [parent, from, to] = partingOf(foldersOf(path), foldersOf(target))
      if (from === undefined || to === undefined) continue
      const folders = found.get(parent) ?? new Map<string, Set<string>>()
      folders.set(from, (folders.get(from) ?? new Set()).add(to))
      found.set(parent, folders)
    }
  }
  return found
}

/** The folder in which two paths part, and where each goes on from there. */
function partingOf(one: readonly string[], other: readonly string[]): [string, ...(string | undefined)[]] {
  const same = one.findIndex((name, index) => name !== other[index])
  const at = same === -1 ? one.length : same
  return [one.slice(0, at).join('/'), one[at], other[at]]
}

function foldersOf(path: string): string[] {
  return path.split('/').slice(0, -1)
}
