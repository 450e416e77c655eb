import { dirname } from 'node:path'
import { expect, test } from '@jest/globals'
import { cyclesIn, importGraph, sourceFiles } from './support/source-graph.ts'

const MAX_FILES = 18

const files = sourceFiles()
const graph = importGraph(files)

test('a cycle is found', () => {
  const cycle = new Map([
    ['a', new Set(['b'])],
    ['b', new Set(['c'])],
    ['c', new Set(['b'])],
  ])
  expect(cyclesIn(cycle)).toEqual(['b → c → b'])
  expect(graph.get('gateway.ts')).toContain('calls/pipeline.ts')
})

test(`no folder has more than ${MAX_FILES} files`, () => {
  const counts = Map.groupBy(files, ({ path }) => dirname(path))
  expect([...counts].filter(([, inside]) => inside.length > MAX_FILES).map(([folder]) => folder)).toEqual([])
})

test('no file imports itself by way of others, not even for a type', () => {
  expect(cyclesIn(graph)).toEqual([])
})

test('of the folders in one folder none imports itself by way of others', () => {
  expect([...siblings()].flatMap(([, folders]) => cyclesIn(folders))).toEqual([])
})

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
