import { createReadStream } from 'node:fs'
import type { ChainEntry } from '../chain/chain-entries.ts'
import { entryIn, type ExportHeader, headerIn } from './export-file.ts'

/** More than any record has. */
const MAX_LINE = 4 * 1024 * 1024

/** An export that was written to a file. */
export interface OpenExport {
  readonly header: ExportHeader
  /** @throws Error for a line that is no entry */
  readonly entries: () => AsyncGenerator<ChainEntry>
}

/** Opens an export; its lines are read when they are asked for. @throws Error when it is none */
export async function openExport(path: string): Promise<OpenExport> {
  const header = await firstLine(path)
  const found = header === undefined ? undefined : headerIn(header)
  if (found === undefined) throw new Error(`${path} is not an export of usage records in the format jsonl`)
  return { header: found, entries: () => entriesOf(path) }
}

async function firstLine(path: string): Promise<string | undefined> {
  for await (const [line] of linesOf(path)) return line
  return undefined
}

async function* entriesOf(path: string): AsyncGenerator<ChainEntry> {
  let number = 0
  for await (const lines of linesOf(path))
    for (const line of lines) {
      number += 1
      if (number === 1 || line === '') continue
      const entry = entryIn(line)
      if (entry === undefined) throw new Error(`${path}: line ${number} is not an entry of an export`)
      yield entry
    }
}

/** The lines of a file, as many at once as were read. @throws Error when one is too long */
async function* linesOf(path: string): AsyncGenerator<string[]> {
  let rest = ''
  for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 256 * 1024 })) {
    const lines = `${rest}${String(chunk)}`.split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_LINE) throw new Error(`${path} has a line of more than ${MAX_LINE} characters`)
    if (lines.length > 0) yield lines
  }
  if (rest !== '') yield [rest]
}
