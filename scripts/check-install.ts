/**
 * Says what is wrong with the installed packages: packages of other platforms, or more than MAX_MB on disk. CI runs it
 * after `npm ci`: a lockfile that names a package without its platform has it installed everywhere.
 */
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const MAX_MB = 500
const MODULES = 'node_modules'

interface Manifest {
  readonly name?: string
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
}

const foreign: string[] = []
const seen = new Set<number>()

/** Bytes on disk of a folder and all below; a file with several names counts once. */
function bytesOf(folder: string): number {
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      bytes += bytesOf(path)
      continue
    }
    const { blocks, ino } = lstatSync(path)
    if (!seen.has(ino)) bytes += blocks * 512
    seen.add(ino)
    if (entry.name === 'package.json') noteForeign(path)
  }
  return bytes
}

function noteForeign(path: string): void {
  const { name, os = [], cpu = [] } = JSON.parse(readFileSync(path, 'utf8')) as Manifest
  if (name !== undefined && !(allows(os, process.platform) && allows(cpu, process.arch))) foreign.push(name)
}

/** How npm reads `os` and `cpu`: a list of what is right, or with `!` of what is not. */
function allows(list: readonly string[], value: string): boolean {
  if (list.includes(`!${value}`)) return false
  const allowed = list.filter((entry) => !entry.startsWith('!'))
  return allowed.length === 0 || allowed.includes(value) || allowed.includes('any')
}

const megabytes = Math.ceil(bytesOf(MODULES) / 1024 ** 2)
if (foreign.length > 0) {
  process.stdout.write(`${MODULES} has packages of other platforms: ${foreign.join(' ')}\n`)
  process.exitCode = 1
}
if (megabytes > MAX_MB) {
  process.stdout.write(`${MODULES} takes ${megabytes} MB; ${MAX_MB} MB are allowed\n`)
  process.exitCode = 1
}
if (process.exitCode === undefined) process.stdout.write(`${MODULES} takes ${megabytes} MB\n`)
