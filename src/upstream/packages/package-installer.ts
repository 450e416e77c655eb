import { randomUUID } from 'node:crypto'
import { lstat, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Settings } from '../../config/settings.ts'
import { matches } from '../../domain/text/pattern.ts'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError, messageOf } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { isExactVersion, isPackageName } from '../../domain/documents/npm-package.ts'
import { commandOf, folderOfPackage, readManifest, versionIn } from '../stdio/package-command.ts'
import { abortOf, npmInstall } from './npm.ts'

/** A version or a tag of the registry; nothing that npm would take for a range, a path or a URL. */
const VERSION_OR_TAG = /^[A-Za-z0-9][A-Za-z0-9.+-]{0,127}$/
const STAGING = '.installing-'
const BUSY_RETRY_MS = 5000

/** What is installed now. */
export interface InstalledPackage {
  readonly name: string
  /** The exact version, even if a tag was requested. */
  readonly version: string
  /** Whether it was there before. */
  readonly wasThere: boolean
}

/** How far an installation is. */
export interface InstallProgress {
  readonly step: 'fetch' | 'check'
  /** Number of files that were requested from the registry so far. */
  readonly fetched: number
}

/**
 * Installs npm packages into `packages` of the data directory: each version, with all dependencies, in a separate
 * folder, which appears complete or not at all. One installation runs at a time.
 */
export class PackageInstaller {
  readonly #folder: string
  readonly #settings: Settings['install']
  readonly #clock: Clock
  readonly #end = new AbortController()
  #underWay: Promise<unknown> | undefined

  constructor(options: { dataDir: string; settings: Settings['install']; clock: Clock }) {
    this.#folder = join(options.dataDir, 'packages')
    this.#settings = options.settings
    this.#clock = options.clock
  }

  /**
   * Checks whether a package may be installed at all, before anything is done.
   * @throws GatewayError `forbidden` or `invalid_request`
   */
  check(name: string, version: string | undefined): void {
    const { isEnabled, allowList } = this.#settings
    if (!isEnabled)
      throw new GatewayError('forbidden', 'This gateway does not install packages (INSTALL_ENABLED)')
    if (!isPackageName(name))
      throw new GatewayError('invalid_request', 'package: not the name of an npm package')
    if (version !== undefined && !VERSION_OR_TAG.test(version))
      throw new GatewayError('invalid_request', 'version: expected a version such as 1.2.3, or a tag')
    if (!allowList.some((pattern) => matches(pattern, name)))
      throw new GatewayError(
        'forbidden',
        `INSTALL_ALLOWLIST does not include ${name}: add it to this setting and restart the gateway`,
      )
  }

  /**
   * Installs a package, by default what the registry calls `latest`; one that is there already is left as it is.
   * @throws GatewayError as `check` does, `too_many_requests` while another one is being installed, `install_failed`,
   * or `cancelled`; nothing is left behind then
   */
  async install(
    name: string,
    version: string | undefined,
    options: { signal: AbortSignal; onProgress: (progress: InstallProgress) => void },
  ): Promise<InstalledPackage> {
    this.check(name, version)
    if (this.#end.signal.aborted) throw new GatewayError('shutting_down')
    if (this.#underWay !== undefined) {
      const facts = { retryAfterMs: BUSY_RETRY_MS }
      throw new GatewayError('too_many_requests', 'Another installation is in progress', { facts })
    }
    const signal = AbortSignal.any([options.signal, this.#end.signal])
    const installing = this.#installOnce(name, version, { ...options, signal })
    this.#underWay = installing.catch(() => undefined)
    return installing.finally(() => (this.#underWay = undefined))
  }

  /** Cancels what is under way. Resolves when no process of it is left. Idempotent. */
  async close(): Promise<void> {
    this.#end.abort(new GatewayError('shutting_down'))
    await this.#underWay
  }

  async #installOnce(
    name: string,
    version: string | undefined,
    options: { signal: AbortSignal; onProgress: (progress: InstallProgress) => void },
  ): Promise<InstalledPackage> {
    if (version !== undefined && isExactVersion(version) && (await this.#has(name, version)))
      return { name, version, wasThere: true }
    return this.#installNew(name, version, options)
  }

  async #installNew(
    name: string,
    version: string | undefined,
    { signal, onProgress }: { signal: AbortSignal; onProgress: (progress: InstallProgress) => void },
  ): Promise<InstalledPackage> {
    await this.#removeLeftovers()
    const staging = join(this.#folder, `${STAGING}${randomUUID()}`)
    await mkdir(staging, { recursive: true, mode: 0o700 })
    let fetched = 0
    try {
      await writeFile(join(staging, 'package.json'), '{"private":true}\n')
      const { runsScripts, timeoutMs, maxBytes } = this.#settings
      await npmInstall({
        folder: staging,
        spec: `${name}@${version ?? 'latest'}`,
        runsScripts,
        timeoutMs,
        maxBytes,
        signal,
        clock: this.#clock,
        onFetched: (count) => onProgress({ step: 'fetch', fetched: (fetched = count) }),
      })
      onProgress({ step: 'check', fetched })
      const found = await versionOf(staging, name)
      if (version !== undefined && isExactVersion(version) && version !== found)
        throw unusable(`the registry returned version ${found}`)
      if (signal.aborted) throw abortOf(signal)
      const wasThere = await this.#has(name, found)
      if (!wasThere) await this.#place(staging, folderOfPackage(name, found))
      return { name, version: found, wasThere }
    } catch (error) {
      throw error instanceof GatewayError ? error : unusable(codeOf(error) ?? messageOf(error))
    } finally {
      await rm(staging, { recursive: true, force: true })
    }
  }

  async #place(staging: string, name: string): Promise<void> {
    const target = join(this.#folder, name)
    await rm(target, { recursive: true, force: true })
    await rename(staging, target)
  }

  async #has(name: string, version: string): Promise<boolean> {
    const folder = join(this.#folder, folderOfPackage(name, version), 'node_modules', name)
    return versionIn(await readManifest(folder)) === version
  }

  /**
   * Only one gateway uses a data directory, and it installs one package at a time: what is there now is of one that was
   * killed.
   */
  async #removeLeftovers(): Promise<void> {
    const entries = await readdir(this.#folder).catch(() => [])
    for (const entry of entries.filter((each) => each.startsWith(STAGING)))
      await rm(join(this.#folder, entry), { recursive: true, force: true })
  }
}

/** The version that was installed, once it is sure that it can be run. @throws GatewayError `install_failed` */
async function versionOf(staging: string, name: string): Promise<string> {
  const folder = join(staging, 'node_modules', name)
  const manifest = await readManifest(folder)
  const isFolder = await lstat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isFolder || !isJsonObject(manifest) || manifest['name'] !== name)
    throw unusable('the registry returned another package')
  const version = versionIn(manifest)
  if (version === undefined || !isExactVersion(version)) throw unusable('it does not have a version')
  try {
    const { args } = commandOf(folder, manifest, name)
    await stat(args[0] ?? '')
  } catch (error) {
    throw unusable(codeOf(error) === 'ENOENT' ? 'its program is missing' : messageOf(error))
  }
  return version
}

function codeOf(error: unknown): string | undefined {
  return isJsonObject(error) && typeof error['code'] === 'string' ? error['code'] : undefined
}

function unusable(reason: string): GatewayError {
  return new GatewayError('install_failed', `The package cannot be used: ${reason}`)
}
