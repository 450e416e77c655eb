import { readdir, readFile, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { isJsonObject } from '../../domain/json/json.ts'
import { parsePackage } from '../../domain/documents/npm-package.ts'

/** Where packages are looked for. */
export interface PackageFolders {
  /** `node_modules` folders, first match wins. */
  readonly nodeModules: readonly string[]
  /** The folder of the packages that the gateway installed: each version of a package in a separate folder. */
  readonly installed: string
}

/**
 * How to run the program of an installed npm package, with the node that runs the gateway. Without a version the first
 * one in `nodeModules` counts, else the newest one that the gateway installed.
 * @param text `name` or `name@1.2.3`
 * @throws Error with a message for the operator when the package is not installed or has no program
 */
export async function packageCommand(
  text: string,
  { nodeModules, installed }: PackageFolders,
): Promise<{ command: string; args: string[] }> {
  const { name, version } = parsePackage(text) ?? { name: text, version: undefined }
  const own = version === undefined ? await versionsOf(name, installed) : [version]
  const ownFolders = own.map((each) => join(installed, folderOfPackage(name, each), 'node_modules'))
  const directories =
    version === undefined ? [...nodeModules, ...ownFolders] : [...ownFolders, ...nodeModules]
  const others: string[] = []
  for (const directory of directories) {
    const folder = join(directory, name)
    const manifest = await readManifest(folder)
    if (manifest === undefined) continue
    const found = versionIn(manifest)
    if (version === undefined || found === version) return commandOf(folder, manifest, name)
    others.push(found ?? 'one without a version')
  }
  const instead = others.length === 0 ? '' : ` (${others.join(', ')} is)`
  throw new Error(`the package ${text} is not installed${instead}`)
}

/** The folder of one version of a package among those that the gateway installed; `+` is in no name. */
export function folderOfPackage(name: string, version: string): string {
  return `${name.replace('/', '+')}@${version}`
}

/**
 * How to run the program of the package in a folder.
 * @throws Error with a message for the operator when it has none
 */
export function commandOf(
  folder: string,
  manifest: unknown,
  name: string,
): { command: string; args: string[] } {
  const program = binOf(manifest, name)
  if (program === undefined) throw new Error(`the package ${name} does not have a program to run`)
  const path = resolve(folder, program)
  if (!path.startsWith(`${resolve(folder)}${sep}`)) {
    throw new Error(`the program of the package ${name} lies outside of it`)
  }
  return { command: process.execPath, args: [path] }
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

/** Newest first. */
async function versionsOf(name: string, installed: string): Promise<string[]> {
  const prefix = folderOfPackage(name, '')
  const folders = await readdir(installed).catch(() => [])
  return folders
    .filter((folder) => folder.startsWith(prefix))
    .map((folder) => folder.slice(prefix.length))
    .toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }))
}

/** What a package says of itself; undefined where there is none. */
export async function readManifest(folder: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  } catch {
    return undefined
  }
}

/** The version that a parsed `package.json` states; undefined if it states none. */
export function versionIn(manifest: unknown): string | undefined {
  const version = isJsonObject(manifest) ? manifest['version'] : undefined
  return typeof version === 'string' ? version : undefined
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
