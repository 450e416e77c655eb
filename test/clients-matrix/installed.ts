import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The clients of others, pinned. They are large, so that no install of this repository brings them. */
export const VERSIONS = { '@modelcontextprotocol/inspector': '2.12.0', 'mcp-remote': '0.15.1' } as const

/**
 * Installs the clients below the cache of the user, once for each set of versions; resolves with the folder.
 * @throws Error when npm fails
 */
export async function installedClients(): Promise<string> {
  const specs = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`)
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const folder = join(cache, 'tool-gateway', 'clients', specs.join('+').replaceAll('/', '-'))
  if (existsSync(folder)) return folder
  const unfinished = `${folder}.${process.pid}`
  await mkdir(unfinished, { recursive: true })
  try {
    await writeFile(join(unfinished, 'package.json'), '{ "private": true }')
    const options = ['--ignore-scripts', '--no-audit', '--no-fund']
    const { status } = spawnSync('npm', ['install', ...options, ...specs], {
      cwd: unfinished,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    if (status !== 0) throw new Error(`npm install of ${specs.join(' ')} ended with ${status}`)
    await rename(unfinished, folder)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  return folder
}
