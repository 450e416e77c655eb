import { startsCompiled } from './compiled.ts'
import type { Documents } from './start-gateway.ts'

/** The reference server with one of everything, as a registry document. */
export const everything = {
  ...startsCompiled,
  transport: 'stdio',
  package: '@modelcontextprotocol/server-everything',
  args: ['stdio'],
  requiredRoles: ['reader'],
} as const

/** The reference file server on a folder. */
export function filesystem(folder: string): Documents[string] {
  return {
    ...startsCompiled,
    transport: 'stdio',
    package: '@modelcontextprotocol/server-filesystem',
    args: [folder],
    requiredRoles: ['reader'],
  }
}

/** The reference memory server on a file. */
export function memory(file: string): Documents[string] {
  return {
    transport: 'stdio',
    package: '@modelcontextprotocol/server-memory',
    env: { ...startsCompiled.env, MEMORY_FILE_PATH: file },
    requiredRoles: ['reader'],
  }
}
