import { basename } from 'node:path'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'

/** The servers in the configuration of an MCP client, in the form that most clients share. */
export interface ClientConfig {
  /** By the names that the client has for them; each as an entry of `mcpServers`. */
  readonly entries: JsonObject
  /** What the client would ask its user for, by id, as in `${input:id}`. */
  readonly inputs: ReadonlyMap<string, string>
  /** Sentences about what was not taken over. */
  readonly notes: readonly string[]
}

/**
 * What a parsed configuration of a client says: of Claude Desktop, Claude Code (with its projects), Cursor, Windsurf,
 * Cline, Roo, Gemini CLI, LM Studio and Raycast (`mcpServers`), VS Code (`servers`, or `mcp.servers` in settings), Zed
 * (`context_servers`), Codex (`mcp_servers`) and opencode (`mcp`). Undefined for anything else.
 */
export function readClientConfig(root: JsonObject): ClientConfig | undefined {
  if (isJsonObject(root['servers']) && !isOfEditor(root)) return undefined
  const groups = groupsOf(root)
  if (groups.length === 0) return undefined
  const notes: string[] = []
  const entries: JsonObject = {}
  for (const { servers, from } of groups) {
    for (const [key, value] of Object.entries(servers)) {
      if (isJsonObject(value) && !isServer(value)) {
        notes.push(`${key}: it has neither a command nor a URL and was left out`)
        continue
      }
      const entry = isJsonObject(value) ? usualEntry(value) : value
      const name = freeName(entries, key, from)
      if (JSON.stringify(entries[key]) === JSON.stringify(entry)) continue
      entries[name] = entry
      if (isJsonObject(value)) notes.push(...notesOf(name, value))
    }
  }
  return { entries, inputs: inputsOf(root), notes }
}

interface Group {
  readonly servers: JsonObject
  /** Name of the project that it is of. */
  readonly from?: string
}

function groupsOf(root: JsonObject): Group[] {
  const settings = asObject(root['mcp'])
  const projects = Object.entries(asObject(root['projects'])).map(([path, project]) => ({
    servers: asObject(project)['mcpServers'],
    from: basename(path),
  }))
  const found: { servers: unknown; from?: string }[] = [
    { servers: root['mcpServers'] },
    ...projects,
    { servers: settings['servers'] ?? (areServers(settings) ? settings : undefined) },
    { servers: root['context_servers'] },
    { servers: root['mcp_servers'] },
    { servers: isOfEditor(root) ? root['servers'] : undefined },
  ]
  return found.flatMap(({ servers, ...rest }) => (isJsonObject(servers) ? [{ servers, ...rest }] : []))
}

/** A registry of ours names the transport of each of its servers, or where it comes from; an editor never does. */
function isOfEditor(root: JsonObject): boolean {
  const { servers, inputs } = root
  if (!isJsonObject(servers)) return false
  const entries = Object.values(servers)
  const isOurs = entries.some(
    (entry) =>
      isJsonObject(entry) && ['transport', 'package', 'templateName'].some((field) => field in entry),
  )
  return !isOurs && (Array.isArray(inputs) || areServers(servers))
}

function areServers(map: JsonObject): boolean {
  const entries = Object.values(map)
  return entries.length > 0 && entries.every((entry) => isJsonObject(entry) && isServer(entry))
}

function isServer(entry: JsonObject): boolean {
  return ['command', 'url', 'serverUrl', 'httpUrl'].some((field) => field in entry)
}

/**
 * An entry with the spellings of some clients as those of most: what is null is not there, and numbers and booleans are
 * texts where nothing else can be. The same again for what it comes to itself.
 */
export function usualEntry(given: JsonObject): JsonObject {
  const entry = withoutNulls(given)
  const { command, environment, http_headers: httpHeaders, bearer_token_env_var: bearer, ...rest } = entry
  const { args, env = environment, ...program } = commandOf(command, rest['args'], rest['env'])
  const { enabled, transport, ...others } = rest
  const headers = httpHeaders ?? rest['headers']
  return {
    ...others,
    ...program,
    ...(args !== undefined && { args: Array.isArray(args) ? args.map(asText) : args }),
    ...(env !== undefined && { env: withTexts(env) }),
    ...(headers !== undefined && { headers: withTexts(headers) }),
    ...(typeof bearer === 'string' && {
      headers: { ...asObject(withTexts(headers)), Authorization: `Bearer \${${bearer}}` },
    }),
    ...(typeof enabled === 'boolean'
      ? enabled
        ? {}
        : { disabled: true }
      : enabled === undefined
        ? {}
        : { enabled }),
    ...typeOf({ ...rest, type: rest['type'] ?? transport }),
  }
}

/** Clients write numbers and booleans where a process or a header can only get text. */
function asText(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
}

function withTexts(value: unknown): unknown {
  if (!isJsonObject(value)) return value
  const given = Object.entries(value).filter(([, member]) => member !== null)
  return Object.fromEntries(given.map(([name, member]) => [name, asText(member)]))
}

/** opencode has the whole line in `command`, older versions of Zed a program with its arguments. */
function commandOf(command: unknown, args: unknown, env: unknown): JsonObject {
  const given = { ...(args !== undefined && { args }), ...(env !== undefined && { env }) }
  if (Array.isArray(command)) return { ...given, command: command[0] as unknown, args: command.slice(1) }
  if (!isJsonObject(command)) return { ...given, ...(command !== undefined && { command }) }
  const { path, args: own, env: ownEnv } = withoutNulls(command)
  return {
    ...given,
    command: path,
    ...(own !== undefined && { args: own }),
    ...(ownEnv !== undefined && { env: ownEnv }),
  }
}

function typeOf({ type, url }: JsonObject): JsonObject {
  if (typeof type !== 'string') return type === undefined ? {} : { type }
  const lower = type.toLowerCase()
  if (lower === 'local') return { type: 'stdio' }
  return { type: lower === 'remote' ? 'http' : url !== undefined && lower === 'stdio' ? 'http' : lower }
}

/** What says who may use a server, where nothing must not come to mean everybody. */
const OF_ACCESS = ['tenantId', 'enabled', 'requiredRoles', 'agentAllowlist', 'tools']

function withoutNulls(entry: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(entry).filter(([field, value]) => value !== null || OF_ACCESS.includes(field)),
  )
}

/** Fields that say something and have nothing here that does the same. */
const UNUSED = ['envFile', 'env_vars', 'env_http_headers', 'oauth', 'authProviderType', 'dev', 'sandbox']

function notesOf(name: string, entry: JsonObject): string[] {
  const unused = UNUSED.filter((field) => field in entry)
  return unused.length === 0 ? [] : [`${name}: ${unused.join(', ')} cannot be imported; see docs/registry.md`]
}

function freeName(entries: JsonObject, key: string, from: string | undefined): string {
  if (!Object.hasOwn(entries, key)) return key
  const named = from === undefined ? key : `${key} ${from}`
  let name = named
  for (let count = 2; Object.hasOwn(entries, name); count += 1) name = `${named} ${count}`
  return name
}

function inputsOf(root: JsonObject): Map<string, string> {
  const lists = [root['inputs'], asObject(root['mcp'])['inputs']].filter((list) => Array.isArray(list))
  const inputs: unknown[] = lists.flat()
  return new Map(
    inputs.flatMap((input): [string, string][] => {
      const { id, description } = asObject(input)
      return typeof id === 'string' ? [[id, typeof description === 'string' ? description : '']] : []
    }),
  )
}

function asObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}
