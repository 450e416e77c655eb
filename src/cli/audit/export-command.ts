import { open, unlink } from 'node:fs/promises'
import { Command, Option } from 'commander'
import type { ExportFilter } from '../../audit/export/selection.ts'
import { escapedJson } from '../../domain/text/printable.ts'
import { messageOf } from '../../domain/errors/errors.ts'
import { CliError } from '../cli-error.ts'
import type { CliContext } from '../context.ts'
import { openStoredRecords } from './stored-records.ts'
import { timeOption } from './time-option.ts'

interface ExportOptions {
  readonly format: 'jsonl' | 'ocsf' | 'cef'
  readonly from?: number
  readonly to?: number
  readonly tenant?: string
  readonly subject?: string
  readonly output?: string
}

/** Lines of one write. */
const LINES_AT_ONCE = 500

/** `audit export`: the usage records of an installation as a stream of lines, without a gateway. */
export function exportCommand(context: CliContext): Command {
  return new Command('export')
    .description('write usage records as lines; JSON lines can be verified with `audit verify FILE`')
    .addOption(
      new Option('--format <format>', 'jsonl (with the hash chain), ocsf, or cef')
        .choices(['jsonl', 'ocsf', 'cef'])
        .default('jsonl'),
    )
    .option('--from <time>', 'attempts from this time on, as 2026-01-31T00:00:00Z', timeOption)
    .option('--to <time>', 'attempts before this time', timeOption)
    .option('--tenant <id>', 'only of this tenant')
    .option('--subject <name>', 'only of this person or program')
    .option('--output <file>', 'a new file, readable by you alone, in place of the standard output')
    .action(async (options: ExportOptions) => {
      const { format, output, tenant: tenantId, subject, from, to } = options
      const lines = exported({ tenantId, subject, from, to }, format, context)
      if (output === undefined) return await print(lines, context)
      await write(output, inBlocks(lines))
    })
}

/** A new file with all of the export, or none. */
async function write(output: string, blocks: AsyncIterable<string>): Promise<void> {
  const file = await open(output, 'wx', 0o600).catch(notWritten(output))
  try {
    for await (const block of blocks) await file.appendFile(block).catch(notWritten(output))
  } catch (error) {
    await unlink(output).catch(() => undefined)
    throw error
  } finally {
    await file.close()
  }
}

function notWritten(output: string): (error: unknown) => never {
  return (error) => {
    throw new CliError('data', `${output} cannot be written: ${messageOf(error)}`)
  }
}

async function* exported(
  filter: ExportFilter,
  format: ExportOptions['format'],
  { env }: CliContext,
): AsyncGenerator<string> {
  const { exportLines } = await import('../../audit/export/export-lines.ts')
  const { readVerifierKeys } = await import('../../audit/chain/signing-keys.ts')
  const { settingsFrom } = await import('../settings.ts')
  const settings = settingsFrom(env)
  const stored = await openStoredRecords(settings)
  try {
    const keys = await readVerifierKeys(settings)
    yield* exportLines(stored.entries(), { filter, format, keys, nowMs: Date.now() })
  } finally {
    await stored.close()
  }
}

async function print(lines: AsyncIterable<string>, context: CliContext): Promise<void> {
  // What a terminal would leave out is written as escapes, so that nothing is lost that the hashes cover.
  for await (const block of inBlocks(lines)) context.print(escapedJson(block))
}

async function* inBlocks(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let block: string[] = []
  for await (const line of lines) {
    block.push(line)
    if (block.length < LINES_AT_ONCE) continue
    yield `${block.join('\n')}\n`
    block = []
  }
  if (block.length > 0) yield `${block.join('\n')}\n`
}
