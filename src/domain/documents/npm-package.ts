/** An npm package as server documents name it. */
export interface PackageName {
  readonly name: string
  /** Exactly this one; undefined: whichever is there. */
  readonly version: string | undefined
}

const NAME = /^(@[a-z0-9-~][a-z0-9-._~]*\/)?[a-z0-9-~][a-z0-9-._~]*$/
const EXACT_VERSION = /^\d{1,9}\.\d{1,9}\.\d{1,9}(-[0-9A-Za-z.-]{1,64})?(\+[0-9A-Za-z.-]{1,64})?$/
const MAX_NAME = 214

/** Whether a text is the name of an npm package, and nothing else that npm would take: no path, URL or alias. */
export function isPackageName(text: string): boolean {
  return text.length <= MAX_NAME && NAME.test(text)
}

/** Whether a text is one version, not a range of them. */
export function isExactVersion(text: string): boolean {
  return EXACT_VERSION.test(text)
}

/** The package that `name` or `name@1.2.3` stands for; undefined for any other text. */
export function parsePackage(text: string): PackageName | undefined {
  const at = text.indexOf('@', 1)
  const name = at === -1 ? text : text.slice(0, at)
  const version = at === -1 ? undefined : text.slice(at + 1)
  if (!isPackageName(name) || (version !== undefined && !isExactVersion(version))) return undefined
  return { name, version }
}

/** The name of a server for a package: `@scope/server-files` is `files`; so is `mcp-server-files` and `files-mcp`. */
export function serverNameOf(packageName: string): string {
  const last = packageName.slice(packageName.indexOf('/') + 1).toLowerCase()
  const plain = last
    .replace(/^(mcp-)?(server-)?/, '')
    .replace(/(-mcp)?(-server)?$/, '')
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^[^a-z]+|(?<!-)-+$/g, '')
  return (plain === '' ? last.replaceAll(/[^a-z0-9-]+/g, '-').replace(/^[^a-z]+/, '') : plain).slice(0, 40)
}
