import { z } from 'zod'
import { setting } from '../setting.ts'
import { integer, isPlainUrl, oneOf, items } from '../values.ts'

/** A name of an npm package, in which `*` stands for any characters. */
export const PACKAGE_PATTERN = /^(\*|(@[a-z0-9*~][a-z0-9*._~-]*\/)?[a-z0-9*~][a-z0-9*._~-]*)$/

const packagePatterns = {
  schema: items.pipe(z.array(z.string().max(214).regex(PACKAGE_PATTERN)).min(1)),
  expected: 'names of npm packages separated by commas; `*` stands for any characters',
}

const registryUrl = {
  schema: z.union([
    z
      .string()
      .trim()
      .regex(/^off$/)
      .transform(() => undefined),
    z.string().trim().max(2048).refine(isPlainUrl),
  ]),
  expected: 'an http or https URL without user name and fragment, or `off`',
}

/** Environment variables of the installation of packages, and of where servers to add are found. */
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
  MCP_REGISTRY_URL: setting(
    registryUrl,
    'https://registry.modelcontextprotocol.io',
    'Registry of MCP servers that operators search when they add a server: the official one, or another with the same API; `off` for none. Where it may be says the outbound policy.',
  ),
}
