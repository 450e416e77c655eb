import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'

const root = join(import.meta.dirname, '../..')

/** Text of a file of the project. */
export function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** The documents of a YAML file. @throws AggregateError when it is not valid */
export function yamlOf(path: string): unknown[] {
  return parseAllDocuments(textOf(path)).map((document) => {
    if (document.errors.length > 0) throw new AggregateError(document.errors, path)
    const value: unknown = document.toJS()
    return value
  })
}

/** Paths of files of the project, sorted. */
export function pathsOf(pattern: string): string[] {
  return globSync(pattern, { cwd: root }).toSorted()
}
