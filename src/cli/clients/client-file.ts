import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { jsonOfJsonc } from '../../registry/file/jsonc.ts'
import { editEntries } from '../../registry/file/text-edit.ts'
import type { ClientFormat } from '../../registry/clients/client-formats.ts'

/** What is written into the configuration of a client. */
export interface ClientEntry {
  readonly name: string
  readonly entry: JsonObject
  /** What VS Code asks its user for. */
  readonly inputs: readonly JsonObject[]
}

/**
 * The configuration of a client with one entry set; everything else of the text stays as it is, comments included.
 * Undefined for a text that is not what the client reads.
 * @param text empty for a file that does not exist
 */
export function withEntry(
  { kind, section }: Pick<ClientFormat, 'kind' | 'section'>,
  text: string,
  wanted: ClientEntry,
): string | undefined {
  return kind === 'toml' ? withTable(text, section, wanted) : withMember(text, section, wanted)
}

function withMember(text: string, section: string, { name, entry, inputs }: ClientEntry): string | undefined {
  if (text.trim() === '') {
    const fresh = { ...(inputs.length > 0 && { inputs }), [section]: { [name]: entry } }
    return `${JSON.stringify(fresh, undefined, 2)}\n`
  }
  const before = objectIn(text)
  if (before === undefined) return undefined
  const edited = edit(text, section, name, entry)
  const known: unknown[] = Array.isArray(before['inputs']) ? before['inputs'] : []
  const missing = inputs.filter(({ id }) => !known.some((input) => isJsonObject(input) && input['id'] === id))
  if (edited === undefined || missing.length === 0) return edited
  return withInputs(edited, [...known, ...missing])
}

/** The edit is made in the text without its comments, which has the same positions, and moved into the text. */
function edit(text: string, section: string, name: string, value: JsonObject): string | undefined {
  const plain = jsonOfJsonc(text)
  const edited = editEntries(plain, [{ path: [section, name], value }])
  return edited === undefined ? undefined : moved(text, plain, edited)
}

/** Inputs are a list beside the section. */
function withInputs(text: string, inputs: readonly unknown[]): string | undefined {
  const object = objectIn(text)
  if (object === undefined) return undefined
  if (object['inputs'] === undefined)
    return text.replace('{', `{\n  "inputs": ${indented(JSON.stringify(inputs, undefined, 2))},`)
  return `${JSON.stringify({ ...object, inputs }, undefined, 2)}\n`
}

function indented(text: string): string {
  return text.replaceAll('\n', '\n  ')
}

function moved(text: string, plain: string, edited: string): string {
  const shorter = Math.min(plain.length, edited.length)
  let start = 0
  while (start < shorter && plain[start] === edited[start]) start += 1
  let end = 0
  while (end < shorter - start && plain.at(-1 - end) === edited.at(-1 - end)) end += 1
  return text.slice(0, start) + edited.slice(start, edited.length - end) + text.slice(text.length - end)
}

function objectIn(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(jsonOfJsonc(text))
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** A table of its own takes the place of the one of that name, or stands at the end. */
function withTable(text: string, section: string, { name, entry }: ClientEntry): string {
  const table = tableOf(section, name, entry)
  const lines = text.split('\n')
  const isOurs = (line: string): boolean =>
    [`[${section}.${name}]`, `[${section}."${name}"]`].includes(line.trim()) ||
    line.trim().startsWith(`[${section}.${name}.`)
  const first = lines.findIndex(isOurs)
  if (first === -1)
    return `${text}${text === '' || text.endsWith('\n\n') ? '' : text.endsWith('\n') ? '\n' : '\n\n'}${table}`
  const rest = lines.slice(first + 1)
  const next = rest.findIndex((line) => line.startsWith('[') && !isOurs(line))
  const after = next === -1 ? [] : rest.slice(next)
  return [
    ...lines.slice(0, first),
    ...table.trimEnd().split('\n'),
    ...(after.length > 0 ? ['', ...after] : ['']),
  ].join('\n')
}

function tableOf(section: string, name: string, entry: JsonObject): string {
  const lines = Object.entries(entry).map(([key, value]) => `${key} = ${tomlOf(value)}\n`)
  return [`[${section}.${name}]\n`, ...lines].join('')
}

/** Texts, lists and flags are written in TOML as in JSON. */
function tomlOf(value: unknown): string {
  if (!isJsonObject(value)) return JSON.stringify(value)
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)} = ${tomlOf(member)}`)
  return `{ ${members.join(', ')} }`
}
