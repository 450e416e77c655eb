import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { makePrivateDirectory, readPrivateFile, replacePrivateFile } from '../../files/private-file.ts'
import { lockFile } from '../../files/system-lock.ts'
import type { StoredCredentials } from './stored-credentials.ts'

const LOCK_POLL_MS = 200

/** The credentials of this user for one MCP server, in a file that only this user may read. */
export class CredentialsFile {
  readonly path: string
  readonly #server: string

  /** @param server address of the MCP server; another address has another file */
  constructor(server: URL, env: NodeJS.ProcessEnv) {
    this.#server = server.href
    const digest = createHash('sha256').update(server.href).digest('hex').slice(0, 16)
    const host = server.host.replace(/[^\w.-]/g, '_').slice(0, 80)
    const config = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config')
    this.path = join(config, 'tool-gateway', 'sign-ins', `${host}-${digest}.json`)
  }

  /** What is stored; nothing but the server for a file that is missing or damaged. */
  async read(): Promise<StoredCredentials> {
    const text = await readPrivateFile(this.path)
    const none: StoredCredentials = { server: this.#server }
    if (text === undefined) return none
    const { storedCredentials } = await import('./stored-credentials.ts') // starts without a sign-in need no schemas
    try {
      return storedCredentials.parse(JSON.parse(text))
    } catch {
      return none
    }
  }

  /** Replaces what is stored. */
  async write(credentials: StoredCredentials): Promise<void> {
    await replacePrivateFile(this.path, `${JSON.stringify(credentials, undefined, 2)}\n`)
  }

  /** Forgets what is stored. */
  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }

  /**
   * Runs something while no other process of this user uses the credentials: a refresh token is good for one use.
   * @param onWait called once if another process has to be waited for
   */
  async locked<T>(run: () => Promise<T>, onWait: () => void): Promise<T> {
    await makePrivateDirectory(dirname(this.path))
    const lock = `${this.path}.lock`
    let unlock = lockFile(lock)
    if (unlock === undefined) onWait()
    while (unlock === undefined) {
      await setTimeout(LOCK_POLL_MS)
      unlock = lockFile(lock)
    }
    try {
      return await run()
    } finally {
      unlock()
    }
  }
}
