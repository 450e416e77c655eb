import { existsSync, lstatSync } from 'node:fs'
import type { ResourceLimits, Sandbox } from '../../domain/documents/confinement.ts'

/** What is to be started: a program with its arguments. */
export interface Program {
  readonly command: string
  readonly args: readonly string[]
}

/** Parts of the file system of a program in a sandbox, in addition to those of its document. */
export interface SandboxFolders {
  /** The folder that it may write to. */
  readonly work: string
  /** The folder that it begins in. */
  readonly cwd: string
  /** Folders and files of the gateway that it must not see; those that do not exist count for nothing. */
  readonly hidden: readonly string[]
  /** What it needs of hidden folders, such as its own package; those that do not exist count for nothing. */
  readonly needed: readonly string[]
}

/** Where the system has its programs: not `PATH`, which a document may set. */
const SYSTEM_FOLDERS = ['/usr/bin', '/bin', '/usr/local/bin']
/** What belongs to users, to other programs, and to the platform, such as tokens of service accounts. */
const HIDDEN = ['/home', '/root', '/run', '/tmp', '/var/tmp', '/var/run', '/mnt', '/media', '/srv']

/**
 * The program under its limits, which every process that it starts has too.
 * @param find the path of a program of the system
 * @throws Error with a message for the operator when `prlimit` is not installed
 */
export function limited(program: Program, limits: ResourceLimits | undefined, find = systemProgram): Program {
  const { openFiles, processes, fileBytes, memoryBytes, cpuSeconds } = limits ?? {}
  const wanted = Object.entries({
    nofile: openFiles,
    nproc: processes,
    fsize: fileBytes,
    data: memoryBytes,
    cpu: cpuSeconds,
  }).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}:${value}`]))
  if (wanted.length === 0) return program
  const args = [...wanted, '--core=0:0', '--', program.command, ...program.args]
  return { command: find('prlimit', 'limits', 'util-linux'), args }
}

/**
 * The program in a sandbox of bwrap: with its own processes, devices and, unless it may use the network, no network; with
 * a root that is read-only and in which the gateway's and users' folders are empty. It ends with the gateway.
 * @throws Error with a message for the operator when `bwrap` is not installed
 */
export function sandboxed(
  program: Program,
  { network, readable, writable }: Sandbox,
  { work, cwd, hidden, needed }: SandboxFolders,
  find = systemProgram,
): Program {
  const args = [
    ['--unshare-all', ...(network ? ['--share-net'] : []), '--die-with-parent', '--cap-drop', 'ALL'],
    ['--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev'],
    [...HIDDEN, ...hidden].flatMap(hiding),
    bound(
      '--ro-bind',
      needed.filter((path) => existsSync(path)),
    ),
    bound('--ro-bind', readable),
    bound('--bind', [...writable, work]),
    ['--chdir', cwd, '--', program.command, ...program.args],
  ].flat()
  return { command: find('bwrap', 'sandbox', 'bubblewrap'), args }
}

function bound(flag: string, paths: readonly string[]): string[] {
  return paths.flatMap((path) => [flag, path, path])
}

/** Nothing is mounted over a link: what it leads to is hidden itself, or is not. */
function hiding(path: string): string[] {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined || found.isSymbolicLink()) return []
  return found.isDirectory() ? ['--tmpfs', path] : ['--ro-bind', '/dev/null', path]
}

function systemProgram(name: string, field: string, packageName: string): string {
  const found = SYSTEM_FOLDERS.map((folder) => `${folder}/${name}`).find((path) => existsSync(path))
  if (found !== undefined) return found
  throw new Error(
    `${field} needs ${name} (package ${packageName}), which is not in ${SYSTEM_FOLDERS.join(', ')}`,
  )
}
