import { isExactVersion, serverNameOf } from '../../../domain/documents/npm-package.ts'
import type { JsonObject } from '../../../domain/json/json.ts'
import { object } from '../../visit/reading.ts'

/** The request of REST that adds a server. */
export interface Wanted {
  readonly path: string
  readonly body: JsonObject
}

/** What a form of a new server comes to. */
type NewServer = Wanted | { readonly problem: string }

/** The document that a request would write, as far as it is known before. */
export function documentOf({ path, body }: Wanted): JsonObject {
  if (path === '/v1/servers') return body
  const { package: name, version, name: given, document } = body
  const exact = typeof version === 'string' && isExactVersion(version) ? version : '0.0.0'
  return {
    ...object(document),
    name: given ?? serverNameOf(String(name)),
    transport: 'stdio',
    package: `${String(name)}@${exact}`,
  }
}

/** Reads the form of a new server: from an address, from an npm package, or from a command. */
export function newServer(form: URLSearchParams): NewServer {
  const environment = entriesOf(form, 'env', '=')
  if (environment === undefined) return { problem: 'Variables are written NAME=value, one per line' }
  const headers = entriesOf(form, 'headers', ':')
  if (headers === undefined) return { problem: 'Headers are written Name: value, one per line' }
  const name = word(form, 'name')
  const document = { ...(name !== undefined && { name }), ...accessOf(form) }
  switch (form.get('kind') ?? 'address') {
    case 'package':
      return installation(form, { ...accessOf(form), ...programOf(form, environment) }, name)
    case 'command':
      return {
        path: '/v1/servers',
        body: {
          ...document,
          transport: 'stdio',
          command: word(form, 'command') ?? '',
          ...programOf(form, environment),
        },
      }
    default:
      return {
        path: '/v1/servers',
        body: {
          ...document,
          transport: form.get('transport') ?? 'http',
          url: word(form, 'url') ?? '',
          ...(Object.keys(headers).length > 0 && { headers }),
        },
      }
  }
}

function installation(form: URLSearchParams, document: JsonObject, name: string | undefined): NewServer {
  const version = word(form, 'version')
  return {
    path: '/v1/servers/install',
    body: {
      package: word(form, 'package') ?? '',
      ...(version !== undefined && { version }),
      ...(name !== undefined && { name }),
      document,
    },
  }
}

function programOf(form: URLSearchParams, env: JsonObject): JsonObject {
  const args = lines(form, 'args')
  return { ...(args.length > 0 && { args }), ...(Object.keys(env).length > 0 && { env }) }
}

/** Who may use the server of a form, and what it is. */
export function accessOf(form: URLSearchParams): JsonObject {
  const description = word(form, 'description')
  const roles = (form.get('requiredRoles') ?? '').split(/[\s,]+/).filter((role) => role !== '')
  return {
    ...(description !== undefined && { description }),
    ...(roles.length > 0 && { requiredRoles: roles }),
  }
}

/** Names and values, one pair a line; undefined where a line is none. */
function entriesOf(form: URLSearchParams, field: string, mark: string): JsonObject | undefined {
  const pairs = lines(form, field).map(
    (line) =>
      [
        line.slice(0, line.indexOf(mark)).trim(),
        line.slice(line.indexOf(mark) + 1).trim(),
        line.indexOf(mark) > 0,
      ] as const,
  )
  return pairs.every(([, , isPair]) => isPair)
    ? Object.fromEntries(pairs.map(([name, value]) => [name, value]))
    : undefined
}

function lines(form: URLSearchParams, field: string): string[] {
  return (form.get(field) ?? '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

function word(form: URLSearchParams, field: string): string | undefined {
  const value = form.get(field)?.trim()
  return value === undefined || value === '' ? undefined : value
}
