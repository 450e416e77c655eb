import { readFile } from 'node:fs/promises'
import { messageOf } from '../../domain/errors/errors.ts'
import { isDeeperThan, isJsonObject, type JsonObject, MAX_JSON_DEPTH } from '../../domain/json/json.ts'
import { readClientConfig } from '../../registry/clients/client-config.ts'
import {
  type ClientPlaceholder,
  fillPlaceholders,
  withBearerAuth,
} from '../../registry/clients/client-placeholders.ts'
import { documentsOfDesktopConfig } from '../../registry/clients/desktop-config.ts'
import { jsonOfJsonc, placeOfJsonError } from '../../registry/file/jsonc.ts'
import { readRegistryText } from '../../registry/file/registry-text.ts'
import { documentOfServerJson, isServerJson } from '../../registry/clients/server-json.ts'
import type { MissingInput } from '../../registry/clients/server-json-inputs.ts'
import { CliError } from '../cli-error.ts'
import type { AddressOptions } from '../context.ts'

/** What `registry import` was told. */
export interface ImportOptions extends AddressOptions {
  readonly tenant?: string
  readonly dryRun?: boolean
  readonly replace?: boolean
  readonly skipExisting?: boolean
  readonly roles?: string
  readonly prefix?: string
  readonly into?: string
  readonly gateway?: boolean
  readonly name?: string
  readonly package?: boolean
  /** A file of secrets, or the one of the settings. */
  readonly moveSecrets?: string | boolean
  readonly set: Record<string, string>
}

/** What a file to import says. */
export interface Imported {
  readonly documents: readonly JsonObject[]
  /** What is to be filled in before servers work, a line each. */
  readonly missing: readonly string[]
  readonly notes: readonly string[]
}

/** The largest file that is read; configurations of clients can hold long histories. */
const MAX_BYTES = 64 * 1024 * 1024

/**
 * Reads a file of any supported format.
 * @throws CliError `data` saying what was expected
 */
export async function readImport(file: string, options: ImportOptions): Promise<Imported> {
  const text = await textOf(file)
  const root = await parsed(text, file)
  if (isDeeperThan(root, MAX_JSON_DEPTH)) throw new CliError('data', `${file} is nested too deeply`)
  if (isServerJson(root)) return ofServerJson(root, file, options)
  const client = isJsonObject(root) ? readClientConfig(root) : undefined
  if (client !== undefined) {
    const documents = documentsOfDesktopConfig(client.entries).map(({ id, value }) => {
      if (isJsonObject(value)) return value
      throw new CliError('data', `${file}: ${id} is not an object`)
    })
    return withFilled(documents, client, options)
  }
  const read = readRegistryText(root === undefined ? text : JSON.stringify(root))
  if ('problem' in read) {
    throw new CliError(
      'data',
      `${file} has neither servers of an MCP client (mcpServers, servers, mcp_servers, context_servers) nor packages nor remotes (${read.problem})`,
    )
  }
  const documents = read.documents.map(({ id, value }) => ({ name: id, ...(isJsonObject(value) && value) }))
  return { documents, missing: [], notes: read.notes }
}

async function textOf(file: string): Promise<string> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new CliError('data', `${file} cannot be read: ${messageOf(error)}`)
  })
  if (bytes.length > MAX_BYTES) throw new CliError('data', `${file} has more than ${MAX_BYTES} bytes`)
  const isWide = bytes[0] === 0xff && bytes[1] === 0xfe
  return new TextDecoder(isWide ? 'utf-16le' : 'utf-8').decode(bytes)
}

/** The value of a text in JSON or TOML; undefined for YAML, which the registry reads. */
async function parsed(text: string, file: string): Promise<unknown> {
  if (/\.toml$/i.test(file) || /^\[mcp_servers[.\]]/m.test(text)) return await tomlIn(text, file)
  const json = jsonOfJsonc(text)
  return /^\s*[{[]/.test(json) ? jsonIn(json, file) : undefined
}

function jsonIn(json: string, file: string): unknown {
  try {
    return JSON.parse(json) as unknown
  } catch (error) {
    const place = placeOfJsonError(json, error)
    if (place !== undefined) {
      throw new CliError(
        'data',
        `${file} is not JSON: line ${place.line}, column ${place.column}: a comma, a quote or a bracket is missing or superfluous there or just before`,
      )
    }
    const read = readRegistryText(json)
    if ('problem' in read) throw new CliError('data', `${file} is not JSON (${read.problem})`)
    return undefined
  }
}

async function tomlIn(text: string, file: string): Promise<unknown> {
  const { parse, TomlError } = await import('smol-toml')
  try {
    return parse(text)
  } catch (error) {
    // Its message shows the lines, which may hold secrets.
    if (!(error instanceof TomlError)) throw error
    throw new CliError('data', `${file} is not TOML: line ${error.line}, column ${error.column}`)
  }
}

function ofServerJson(value: unknown, file: string, options: ImportOptions): Imported {
  try {
    const { document, missing, notes } = documentOfServerJson(value, {
      values: options.set,
      prefer: options.package === true ? 'package' : 'remote',
      ...(options.name !== undefined && { name: options.name }),
    })
    return { documents: [document], missing: missing.map(inputText), notes }
  } catch (error) {
    throw new CliError('data', `${file} cannot be imported: ${messageOf(error)}`)
  }
}

/** Fills what is given with --set; a server that waits for more is disabled, as it could only fail. */
function withFilled(
  documents: readonly JsonObject[],
  client: { readonly inputs: ReadonlyMap<string, string>; readonly notes: readonly string[] },
  options: ImportOptions,
): Imported {
  const missing: string[] = []
  const filled = documents.map((given) => {
    const found = fillPlaceholders(given, options.set)
    missing.push(...found.missing.map((one) => placeholderText(String(given['name']), one, client.inputs)))
    const document = withBearerAuth(found.document)
    return found.missing.length === 0 ? document : { ...document, enabled: false }
  })
  return { documents: filled, missing, notes: client.notes }
}

function placeholderText(
  server: string,
  { place, text, name }: ClientPlaceholder,
  inputs: ReadonlyMap<string, string>,
): string {
  const description = inputs.get(name) ?? ''
  const secret = name.toLowerCase().replace(/[^a-z0-9]+/g, '_')
  const asSecret = /^(env|headers)\./.test(place)
    ? `; for a secret, prefer --set ${name}=secret://<tenant>_${secret}`
    : ''
  return `${server}.${place}: the gateway does not fill in ${text}; give --set ${name}=VALUE${asSecret}${description === '' ? '' : ` (${description})`}`
}

function inputText({ place, description, isSecret, choices }: MissingInput): string {
  const hints = [
    isSecret ? 'for a secret, prefer secret://<tenant>_<name>' : '',
    choices.length > 0 ? `one of ${choices.join(', ')}` : '',
  ]
  const hint = hints.filter((text) => text !== '').join('; ')
  return `${place}${hint === '' ? '' : ` (${hint})`}${description === undefined ? '' : `: ${description}`}`
}
