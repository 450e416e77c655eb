import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { boundedText } from '../../domain/text/bounded-text.ts'
import { CliError } from '../cli-error.ts'

/** More than any document, token or argument has. */
const MAX_BYTES = 16 * 1024 * 1024

/** The text of a file or pipe. @throws CliError `data` if it cannot be read or is too large */
export async function textOfFile(path: string): Promise<string> {
  const text = await textIfThere(path)
  if (text === undefined) throw new CliError('data', `${path} cannot be read`)
  return text
}

/** The same, or undefined if there is no such file. @throws CliError `data` if it cannot be read or is too large */
export async function textIfThere(path: string): Promise<string | undefined> {
  let text: string | undefined
  try {
    text = await boundedText(createReadStream(path), MAX_BYTES)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new CliError('data', `${path} cannot be read`)
  }
  if (text === undefined) throw new CliError('data', `${path} has more than ${MAX_BYTES} bytes`)
  return text
}

/** Whether there is such a file, whether or not it can be read. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT')
  }
}

/** The server document in a YAML or JSON file. @throws CliError `data` */
export async function documentOfFile(path: string): Promise<JsonObject> {
  const { parse } = await import('yaml')
  const text = await textOfFile(path)
  let value: unknown
  try {
    value = parse(text)
  } catch (error) {
    throw new CliError('data', `${path}: ${error instanceof Error ? error.message : 'not valid YAML'}`)
  }
  if (!isJsonObject(value)) throw new CliError('data', `${path} is not a server document`)
  return value
}
