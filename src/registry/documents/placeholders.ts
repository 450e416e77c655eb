import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'

/** A placeholder in a text of a template, and its place. */
export interface Placeholder {
  /** For example `env.TOKEN` or `instances[0].url`. */
  readonly path: string
  /** The text between `${` and `}`. */
  readonly name: string
}

/** The values of placeholders. */
export interface Filling {
  readonly config: JsonObject
  /** Number of the instance, from 1; undefined if it has none. */
  readonly instance: number | undefined
}

/** Thrown if a placeholder has no value; the message begins with its name. */
class Unfilled extends Error {}

const PLACEHOLDER = /\$\$\{|\$\{([^{}]*)\}/g
const WHOLE = /^\$\{([^{}]*)\}$/
const LEGAL = /^(instance|config(\.[A-Za-z0-9_-]+)+)$/
const URL_PLACE = /^(url|instances\[\d+\]\.url)$/
/** Other characters could make a URL point to another place than its template states. */
const SAFE_IN_URL = /^[A-Za-z0-9._~-]*$/

/** Whether a placeholder is known: `instance`, or `config.` and a path of names. */
export function isLegalPlaceholder(name: string): boolean {
  return LEGAL.test(name)
}

/** Every placeholder in the texts of a value. `$${` is a literal `${`. */
export function placeholdersOf(value: unknown, path = ''): Placeholder[] {
  if (typeof value === 'string') {
    return [...value.matchAll(PLACEHOLDER)].flatMap(([, name]) =>
      name === undefined ? [] : [{ path, name }],
    )
  }
  if (Array.isArray(value)) return value.flatMap((item, index) => placeholdersOf(item, `${path}[${index}]`))
  if (!isJsonObject(value)) return []
  return Object.entries(value).flatMap(([field, member]) =>
    placeholdersOf(member, path === '' ? field : `${path}.${field}`),
  )
}

/**
 * The value with its placeholders replaced. A text that is only a placeholder becomes its value, of any type; replaced
 * text is not scanned again. A `url` accepts only plain names and numbers.
 */
export function filled(value: JsonObject, filling: Filling): { value: JsonObject; problems: string[] } {
  const problems: string[] = []
  const walk = (member: unknown, path: string): unknown => {
    if (typeof member === 'string') {
      try {
        return filledText(member, filling, URL_PLACE.test(path))
      } catch (error) {
        if (!(error instanceof Unfilled)) throw error
        problems.push(`${error.message}, for server.${path}`)
        return undefined
      }
    }
    if (Array.isArray(member)) return member.map((item, index) => walk(item, `${path}[${index}]`))
    if (!isJsonObject(member)) return member
    return membersOf(member, (field) => walk(member[field], path === '' ? field : `${path}.${field}`))
  }
  return { value: membersOf(value, (field) => walk(value[field], field)), problems: [...new Set(problems)] }
}

function membersOf(object: JsonObject, memberOf: (field: string) => unknown): JsonObject {
  return Object.fromEntries(Object.keys(object).map((field) => [field, memberOf(field)]))
}

function filledText(text: string, filling: Filling, isUrl: boolean): unknown {
  const [, whole] = WHOLE.exec(text) ?? []
  if (whole !== undefined) return valueOf(whole, filling)
  return text.replace(PLACEHOLDER, (_match, name: string | undefined) => {
    if (name === undefined) return '${'
    const value = valueOf(name, filling)
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw new Unfilled(`${name}: expected a string, a number or a boolean inside a string`)
    }
    if (isUrl && !SAFE_IN_URL.test(String(value))) {
      throw new Unfilled(`${name}: only letters, digits, ".", "_", "~" and "-" are allowed inside a URL`)
    }
    return String(value)
  })
}

function valueOf(name: string, { config, instance }: Filling): unknown {
  const value = name === 'instance' ? instance : inside(config, name.split('.').slice(1))
  if (value === undefined) throw new Unfilled(`${name}: has no value`)
  return value
}

function inside(value: unknown, path: readonly string[]): unknown {
  const [field, ...rest] = path
  if (field === undefined) return value
  return isJsonObject(value) && Object.hasOwn(value, field) ? inside(value[field], rest) : undefined
}
