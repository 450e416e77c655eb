/** What is read of `package.json`. */
export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly overrides?: Readonly<Record<string, unknown>>
  readonly allowScripts?: Readonly<Record<string, boolean>>
}

/** What is read of an entry of `package-lock.json`. */
export interface LockedPackage {
  readonly name?: string
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly inBundle?: boolean
  readonly hasInstallScript?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** What is read of `package-lock.json`. */
export interface Lockfile {
  readonly lockfileVersion?: number
  readonly packages?: Readonly<Record<string, LockedPackage>>
}

const INTEGRITY = /^sha512-[A-Za-z0-9+/]{86}==( |$)/
const REGISTRY = 'https://registry.npmjs.org/'
/** A version or a range of versions, and an alias of one; no tag, address, path or repository. */
const RANGE = /^(npm:(@[\w.-]+\/)?[\w.-]+@)?[\^~>=<]*\s?\d[\w.+ <>=|~^-]*$/
/**
 * The lowest versions without a flaw that matters to a gateway. The databases of advisories that tools ask learned of some
 * of these months later.
 */
const LOWEST: Readonly<Record<string, { readonly version: string; readonly reason: string }>> = {
  '@modelcontextprotocol/sdk': { version: '1.32.2', reason: 'GHSA-6prh-2h8m-c8cw, GHSA-22jm-h49p-29qw' },
  '@modelcontextprotocol/client': { version: '2.4.0', reason: 'GHSA-6prh-2h8m-c8cw, GHSA-6qxp-vccf-f47h' },
  '@modelcontextprotocol/server': { version: '2.4.0', reason: 'GHSA-22jm-h49p-29qw' },
}

/**
 * What is wrong with a lockfile: packages from elsewhere than the registry or without a digest, names that stand for other
 * packages than anybody declares, install scripts about which nothing was decided, and versions with known flaws.
 */
export function lockfileProblems(lockfile: Lockfile, manifest: Manifest): string[] {
  const packages = Object.entries(lockfile.packages ?? {}).filter(([path]) => path !== '')
  if (lockfile.lockfileVersion !== 3 || packages.length === 0) return ['it is not a lockfile of version 3']
  const aliases = declaredAliases(Object.values(lockfile.packages ?? {}))
  return [
    ...rangeProblems(manifest),
    ...packages.flatMap(([path, entry]) => packageProblems(path, entry, { manifest, aliases })),
  ]
}

function rangeProblems({ dependencies, devDependencies }: Manifest): string[] {
  return Object.entries({ ...dependencies, ...devDependencies })
    .filter(([, range]) => !RANGE.test(range))
    .map(([name, range]) => `${name}: ${range} is not a range of versions of the registry`)
}

/** `name of an alias=name of the package`, as the packages themselves declare them. */
function declaredAliases(packages: readonly LockedPackage[]): ReadonlySet<string> {
  const declared = packages.flatMap(({ dependencies, devDependencies, optionalDependencies }) =>
    Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }),
  )
  return new Set(
    declared.flatMap(([alias, range]) => {
      const [, target] = /^npm:(.+)@[^@]+$/.exec(range) ?? []
      return target === undefined ? [] : [`${alias}=${target}`]
    }),
  )
}

function packageProblems(
  path: string,
  entry: LockedPackage,
  { manifest, aliases }: { manifest: Manifest; aliases: ReadonlySet<string> },
): string[] {
  const installed = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const { name = installed } = entry
  const isDecided = manifest.allowScripts?.[name] !== undefined
  const isNamedSo = name === installed || aliases.has(`${installed}=${name}`)
  return [
    ...originProblems(path, entry),
    ...(isNamedSo ? [] : [`it is ${name}, which nobody declares`]),
    ...(entry.hasInstallScript === true && !isDecided
      ? ['it has an install script; decide in allowScripts of package.json']
      : []),
    ...flaws(name, entry.version ?? ''),
  ].map((problem) => `${path}: ${problem}`)
}

function originProblems(path: string, { resolved, integrity = '', link, inBundle }: LockedPackage): string[] {
  const isFromElsewhere = resolved !== undefined && !resolved.startsWith(REGISTRY)
  return [
    ...(link === true || !path.startsWith('node_modules/') ? ['it is a link or a folder'] : []),
    ...(isFromElsewhere ? [`it comes from ${resolved}`] : []),
    ...(inBundle !== true && !INTEGRITY.test(integrity) ? ['it has no SHA-512 digest'] : []),
  ]
}

function flaws(name: string, version: string): string[] {
  const lowest = LOWEST[name]
  if (lowest === undefined || !isLower(version, lowest.version)) return []
  return [`${version} has known flaws (${lowest.reason}); use ${lowest.version} or later`]
}

function isLower(version: string, lowest: string): boolean {
  const [a, b] = [version, lowest].map((text) => text.split('-', 1)[0]?.split('.').map(Number) ?? [])
  for (const index of [0, 1, 2]) {
    const difference = (a?.[index] ?? 0) - (b?.[index] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}
