import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where a page of `docs/` is on this machine; where a package has no pages, the name has to do. */
export function pagePath(name: string): string {
  const path = fileURLToPath(new URL(`../../docs/${name}`, import.meta.url))
  if (!existsSync(path)) return `docs/${name} of the project`
  const fromHere = relative(process.cwd(), path)
  return fromHere.startsWith('..') ? path : fromHere
}
