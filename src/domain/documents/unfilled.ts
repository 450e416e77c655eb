import { isHttp, type ServerDefinition } from './server-definition.ts'

interface Text {
  readonly place: string
  readonly value: string
  /** Whether a folder or a program is named here, so that a shell would do something with `~` and `%NAME%`. */
  readonly isOfShell: boolean
}

/** A placeholder is near the beginning of a value, or it is none. */
const MAX_LOOKED_AT = 4096
const BRACED = /\$\{[^{}\n]{1,80}\}|\{env:[^{}\n]{1,80}\}/g
const BARE = /(?<=^|[\s"'=:/])\$(?:env:)?[A-Z_][A-Z0-9_]{0,60}(?![A-Za-z0-9_(])/g
const OF_WINDOWS = /%[A-Z_][A-Z0-9_]{2,60}%/g
const HOME = /^~(?=[/\\]|$)|(?<==)~(?=[/\\])/g
const OF_CLIENT = /^\$\{(?:workspaceFolder|userHome|pathSeparator|cwd|fileDirname)/

/** A sentence for each placeholder in a server's document: the gateway fills in none, and sends them as they stand. */
export function unfilledWarnings(server: ServerDefinition): string[] {
  return textsOf(server).flatMap(({ place, value, isOfShell }) =>
    placeholdersIn(value, isOfShell).map((text) => `${place}: ${unfilledText(text, place)}`),
  )
}

/**
 * The problem of a text that is no valid URL because it still contains a placeholder; undefined if it contains none.
 */
export function unfilledUrl(value: unknown): string | undefined {
  const [text] = typeof value === 'string' ? placeholdersIn(value, false) : []
  return text === undefined ? undefined : `${text} is not filled in: write the URL itself`
}

function placeholdersIn(value: string, isOfShell: boolean): string[] {
  const text = value.slice(0, MAX_LOOKED_AT)
  const patterns = isOfShell ? [BRACED, BARE, OF_WINDOWS, HOME] : [BRACED, BARE]
  const found = patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([match]) => match))
  // What stands in for a missing value may be a secret.
  return [...new Set(found.map(withoutDefault))]
}

function withoutDefault(placeholder: string): string {
  const start = placeholder.indexOf(':-')
  return start === -1 ? placeholder : `${placeholder.slice(0, start)}:-…}`
}

function unfilledText(text: string, place: string): string {
  const what = `${text} is not filled in, and is sent to the server unchanged`
  if (text === '~' || OF_CLIENT.test(text)) return `${what}: write the whole path`
  if (/^(env|headers|auth)\b/.test(place))
    return `${what}: write the value, or for a secret secret://<tenant>_<name> (SECRETS_FILE, SECRETS_ENV)`
  if (place.startsWith('args'))
    return `${what}: write the value; a secret belongs into env, as secret://<tenant>_<name> (SECRETS_FILE, SECRETS_ENV)`
  return `${what}: write the value itself`
}

function textsOf(server: ServerDefinition): Text[] {
  if (server.transport === 'stdio') {
    const { command, cwd, args, env } = server
    return [
      ...textAt('command', command, true),
      ...textAt('cwd', cwd, true),
      ...args.flatMap((value, index) => textAt(`args[${index}]`, value, true)),
      ...Object.entries(env).flatMap(([name, value]) => textAt(`env.${name}`, value, true)),
    ]
  }
  if (!isHttp(server)) return []
  const { url, instances = [], headers, auth } = server
  return [
    ...textAt('url', url, false),
    ...instances.flatMap((instance, index) => textAt(`instances[${index}].url`, instance.url, false)),
    ...Object.entries(headers).flatMap(([name, value]) => textAt(`headers.${name}`, value, false)),
    ...(auth.kind === 'bearer' ? textAt('auth.token', auth.token, false) : []),
    ...(auth.kind === 'headers'
      ? Object.entries(auth.headers).flatMap(([name, value]) => textAt(`auth.headers.${name}`, value, false))
      : []),
  ]
}

function textAt(place: string, value: string | undefined, isOfShell: boolean): Text[] {
  return value === undefined ? [] : [{ place, value, isOfShell }]
}
