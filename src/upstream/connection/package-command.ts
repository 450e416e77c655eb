import { readFile, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { isJsonObject } from '../../domain/json.ts'

/**
 * How to run the program of an installed npm package, with the node that runs the gateway.
 * @param directories `node_modules` folders to look into, first match wins
 * @throws Error with a message for the operator when the package is not installed or has no program
 */
export async function packageCommand(
  name: string,
  directories: readonly string[],
): Promise<{ command: string; args: string[] }> {
  for (const directory of directories) {
    const folder = join(directory, name)
    const manifest = await readManifest(folder)
    if (manifest === undefined) continue
    const program = binOf(manifest, name)
    if (program === undefined) throw new Error(`the package ${name} has no program to run`)
    const path = resolve(folder, program)
    if (!path.startsWith(`${resolve(folder)}${sep}`)) {
      throw new Error(`the program of the package ${name} lies outside of it`)
    }
    return { command: process.execPath, args: [path] }
  }
  throw new Error(`the package ${name} is not installed`)
}

/** The `node_modules` folders that apply to files of `folder`, nearest first, as far as they exist. */
export async function nodeModulesOf(folder: string): Promise<string[]> {
  const candidates: string[] = []
  for (let current = resolve(folder); ; current = resolve(current, '..')) {
    candidates.push(join(current, 'node_modules'))
    if (current === resolve(current, '..')) break
  }
  const exists = await Promise.all(
    candidates.map((candidate) =>
      stat(candidate).then(
        (found) => found.isDirectory(),
        () => false,
      ),
    ),
  )
  return candidates.filter((_candidate, index) => exists[index])
}

async function readManifest(folder: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  } catch {
    return undefined
  }
}

/** The only program, or the one that has the package's name. */
function binOf(manifest: unknown, name: string): string | undefined {
  const bin = isJsonObject(manifest) ? manifest['bin'] : undefined
  if (typeof bin === 'string') return bin
  if (!isJsonObject(bin)) return undefined
  const programs = Object.values(bin).filter((program) => typeof program === 'string')
  const named = bin[name.slice(name.indexOf('/') + 1)]
  if (typeof named === 'string') return named
  return programs.length === 1 ? programs[0] : undefined
}
