import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { nearNames } from '../../domain/text/near-names.ts'
import { CliError } from '../cli-error.ts'
import { textOfFile } from './file-text.ts'

const ASSIGNMENT = /^([^=]{1,128}?)(:?=)([^]*)$/

/**
 * The arguments of a call from words of the command line: `key=value`, `key:=JSON`, `key=@file` for the text of a file, and
 * `@file` for a file with a JSON object. A value is read as the schema of the tool wants it.
 * @throws CliError `usage` for a word that is none of these, `data` for a file
 */
export async function argumentsIn(words: readonly string[], schema: JsonObject): Promise<JsonObject> {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {}
  const given: JsonObject = {}
  for (const word of words) {
    if (word.startsWith('@')) {
      Object.assign(given, await objectIn(word.slice(1)))
      continue
    }
    const [, key = '', sign, text = ''] = ASSIGNMENT.exec(word) ?? []
    if (sign === undefined)
      throw new CliError('usage', `${word}: expected key=value, key:=JSON, key=@file or @file`)
    refuseUnknown(key, properties, schema)
    given[key] = sign === ':=' ? jsonIn(key, text) : await valueOf(key, text, properties[key])
  }
  return given
}

async function valueOf(key: string, text: string, schema: unknown): Promise<unknown> {
  if (text.startsWith('@')) return await textOfPath(text.slice(1))
  const types: unknown[] = isJsonObject(schema) ? [schema['type']].flat() : []
  const read = READERS.find(([type]) => types.includes(type))?.[1] ?? guessed
  return read(text, key)
}

/** How a text is read for each type of a schema, the first that fits. */
const READERS: readonly (readonly [type: string, read: (text: string, key: string) => unknown])[] = [
  ['string', (text) => text],
  ['number', numberIn],
  ['integer', numberIn],
  ['boolean', flagIn],
  [
    'array',
    (text, key) => (text.startsWith('[') ? jsonIn(key, text) : text.split(',').map((item) => item.trim())),
  ],
  ['object', (text, key) => jsonIn(key, text)],
]

function numberIn(text: string, key: string): number {
  const number = Number(text)
  if (text.trim() !== '' && Number.isFinite(number)) return number
  throw new CliError('usage', `${key}: expected a number, got ${text}`)
}

function flagIn(text: string, key: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw new CliError('usage', `${key}: expected true or false, got ${text}`)
}

/** What has no type in the schema is JSON if it can be. */
function guessed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

function refuseUnknown(key: string, properties: JsonObject, schema: JsonObject): void {
  const names = Object.keys(properties)
  if (names.includes(key) || schema['additionalProperties'] !== false) return
  const near = nearNames(key, names)
  const hint = near.length > 0 ? `did you mean ${near.join(' or ')}?` : `it has ${names.join(', ') || 'none'}`
  throw new CliError('usage', `the tool has no argument ${key}: ${hint}`)
}

function jsonIn(key: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new CliError('usage', `${key}: expected JSON, got ${text.slice(0, 100)}`)
  }
}

async function objectIn(path: string): Promise<JsonObject> {
  const value = guessed(await textOfPath(path))
  if (isJsonObject(value)) return value
  throw new CliError('data', `${path} is not a JSON object`)
}

/** `-` is what is piped into the command. */
function textOfPath(path: string): Promise<string> {
  return textOfFile(path === '-' ? '/dev/stdin' : path)
}
