/** What every program needs. */
const BASE = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'USER', 'LOGNAME', 'SHELL', 'TERM']
/** How programs get out of this machine's network, and whom they trust there, in either case. */
const NETWORK = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'NO_PROXY',
  'NODE_EXTRA_CA_CERTS',
  'NODE_USE_ENV_PROXY',
  'NODE_USE_SYSTEM_CA',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
]
/**
 * Where `npx` and `uvx` find packages. Other settings of npm may hold tokens. npm says which global and user
 * configuration files it read: the Node that `npm start` puts first in PATH would lead to others.
 */
const PACKAGES = [
  'NPM_CONFIG_REGISTRY',
  'NPM_CONFIG_PROXY',
  'NPM_CONFIG_HTTPS_PROXY',
  'NPM_CONFIG_NOPROXY',
  'NPM_CONFIG_CAFILE',
  'NPM_CONFIG_GLOBALCONFIG',
  'NPM_CONFIG_USERCONFIG',
  'UV_INDEX_URL',
  'UV_DEFAULT_INDEX',
  'UV_SYSTEM_CERTS',
  'UV_NATIVE_TLS',
  'PIP_INDEX_URL',
  'PIP_CERT',
]
const ANY_CASE = new Set([...NETWORK, ...PACKAGES])
const IS_ADDRESS = /^(?!NO_)\w*(?:_PROXY|_REGISTRY|_INDEX_URL|_DEFAULT_INDEX)$/i

/**
 * The environment of a server's process: what programs need, proxies, certificates and package indexes of the gateway's
 * own environment without the user names and passwords in their addresses, and what the server declares. A declared
 * variable also stands for the gateway's own in other case, which some programs would prefer.
 */
export function childEnvironment(
  own: NodeJS.ProcessEnv,
  declared: Readonly<Record<string, string>>,
): Record<string, string> {
  const declaredNames = new Set(Object.keys(declared).map((name) => name.toUpperCase()))
  const inherited = Object.entries(own).flatMap(([name, value]): [string, string][] => {
    const isWanted = BASE.includes(name) || ANY_CASE.has(name.toUpperCase())
    if (!isWanted || value === undefined || declaredNames.has(name.toUpperCase())) return []
    const passed = IS_ADDRESS.test(name) ? withoutCredentials(value) : value
    return passed === undefined ? [] : [[name, passed]]
  })
  return { ...Object.fromEntries(inherited), ...declared }
}

/** The address without a user name and a password; undefined where it is not clear which part of it they are. */
function withoutCredentials(address: string): string | undefined {
  if (!address.includes('@')) return address
  const hasScheme = address.includes('://')
  const text = hasScheme ? address : `http://${address}`
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  url.username = ''
  url.password = ''
  const { href } = url
  if (href.includes('@')) return undefined
  return hasScheme ? href : url.host
}
