import { globSync, readFileSync } from 'node:fs'
import { dirname, posix } from 'node:path'

/** A file of `src/`, by its path there. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

const STATIC_IMPORT = /^(?:import|export)\s+(?:[\w$*{},\s]+?\sfrom\s+)?['"]([^'"]+)['"]/gm
const TYPE_IMPORT = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g
const ROOT = posix.resolve(import.meta.dirname, '../../src')

/** Every file of `src/`. */
export function sourceFiles(): SourceFile[] {
  return globSync('**/*.ts', { cwd: ROOT }).map((path) => ({
    path,
    text: readFileSync(posix.join(ROOT, path), 'utf8'),
  }))
}

export function withoutComments(text: string): string {
  return text.replace(/\/\*[^]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

/** What a file imports, as it is written there, types included. */
export function specifiersIn(text: string): string[] {
  const code = withoutComments(text)
  return [...code.matchAll(STATIC_IMPORT), ...code.matchAll(TYPE_IMPORT)].map(
    ([, specifier = '']) => specifier,
  )
}

/** For each file the files of `src/` that it imports. */
export function importGraph(files: readonly SourceFile[]): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map(
    files.map(({ path, text }) => {
      const own = specifiersIn(text).filter((specifier) => specifier.startsWith('.'))
      return [path, new Set(own.map((specifier) => posix.join(dirname(path), specifier)))]
    }),
  )
}

/** The ways through a graph that lead back to where they began, one of each. */
export function cyclesIn(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const finished = new Set<string>()
  const cycles: string[] = []
  const visit = (node: string, way: readonly string[]): void => {
    const at = way.indexOf(node)
    if (at !== -1) cycles.push([...way.slice(at), node].join(' → '))
    if (at !== -1 || finished.has(node)) return
    for (const next of graph.get(node) ?? []) visit(next, [...way, node])
    finished.add(node)
  }
  for (const node of graph.keys()) visit(node, [])
  return cycles
}
