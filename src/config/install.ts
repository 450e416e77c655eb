import type { z } from 'zod'
import { setting } from './setting.ts'
import { integer, oneOf, packagePatterns } from './values.ts'

/** What `POST /v1/servers/install` may do. */
export interface InstallSettings {
  readonly isEnabled: boolean
  /** Names of packages; `*` stands for any characters. */
  readonly allowList: readonly string[]
  /** Whether packages may run scripts while they are installed. */
  readonly runsScripts: boolean
  readonly timeoutMs: number
  readonly maxBytes: number
}

/** Environment variables of the installation of packages. */
export const install = {
  INSTALL_ENABLED: setting(
    oneOf(['auto', 'on', 'off']),
    'auto',
    'Whether `POST /v1/servers/install` may install npm packages; `auto`: when STORE is `file`.',
  ),
  INSTALL_ALLOWLIST: setting(
    packagePatterns,
    '@modelcontextprotocol/*',
    'Packages that may be installed; their dependencies are installed with them.',
  ),
  INSTALL_SCRIPTS: setting(
    oneOf(['on', 'off']),
    'off',
    'Whether a package and its dependencies may run install scripts.',
  ),
  INSTALL_TIMEOUT_MS: setting(
    integer(1000, 3_600_000),
    '300000',
    'Timeout for installing a package, in milliseconds.',
  ),
  INSTALL_MAX_BYTES: setting(
    integer(65_536, 1_099_511_627_776),
    '524288000',
    'Maximum size of a package with all its dependencies, in bytes.',
  ),
}

type InstallValues = { [Name in keyof typeof install]: z.output<(typeof install)[Name]> }

/** Settings of the installer; with a shared registry, packages are installed only if that is enabled explicitly. */
export function installSettingsOf(values: InstallValues & { readonly STORE: string }): InstallSettings {
  return {
    isEnabled: values.INSTALL_ENABLED === 'auto' ? values.STORE === 'file' : values.INSTALL_ENABLED === 'on',
    allowList: values.INSTALL_ALLOWLIST,
    runsScripts: values.INSTALL_SCRIPTS === 'on',
    timeoutMs: values.INSTALL_TIMEOUT_MS,
    maxBytes: values.INSTALL_MAX_BYTES,
  }
}
