import { Command } from 'commander'
import type { Finding, Verification } from '../../audit/chain/findings.ts'
import { printableLine } from '../../domain/text/printable.ts'
import { CLI_EXIT, CliError } from '../cli-error.ts'
import { asJson, type CliContext, rowsFor } from '../context.ts'
import { textIfThere, textOfFile } from '../input/file-text.ts'
import { openStoredRecords } from './stored-records.ts'

interface VerifyOptions {
  readonly publicKey: string[]
  readonly checkpoint: string[]
  readonly json?: boolean
}

const SHOWN = 100

/** Collects an option that is given several times. */
const all = (text: string, before: string[]): string[] => [...before, text]

/** `audit verify`: whether the usage records are as they were written, without a gateway. */
export function verifyCommand(context: CliContext, setExitCode: (code: number) => void): Command {
  return new Command('verify')
    .description('verify that no usage record was edited, deleted, inserted or reordered')
    .argument('[file]', 'an export; by default the records of this installation (DATA_DIR, or Firestore)')
    .option(
      '--public-key <key>',
      'key of checkpoints, or a file of keys; `audit key` prints it (repeatable)',
      all,
      [],
    )
    .option(
      '--checkpoint <file>',
      'checkpoint that you kept: the records must still have it (repeatable)',
      all,
      [],
    )
    .option('--json', 'print everything that was found as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 all is as it was written; 1 something is not; 65 the records are damaged, and cannot be read; 78 there are none.',
    )
    .action(async (file: string | undefined, options: VerifyOptions) => {
      const found = await (file === undefined
        ? verifyStored(options, context)
        : verifyFile(file, options, context))
      context.print(options.json === true ? asJson(found) : textOf(found, context))
      if (found.findings.length > 0) setExitCode(CLI_EXIT.failed)
    })
}

async function verifyStored(options: VerifyOptions, { env, printError }: CliContext): Promise<Verification> {
  const { readVerifierKeys } = await import('../../audit/chain/signing-keys.ts')
  const { verifyChains } = await import('../../audit/chain/verify.ts')
  const { settingsFrom } = await import('../settings.ts')
  const settings = settingsFrom(env)
  const given = await keysOf(options)
  const verifierKeys = given.length > 0 ? given : await readVerifierKeys(settings)
  if (given.length === 0)
    printError(
      'note: checked with the key of this installation; anyone who has that can forge records. See --public-key.\n',
    )
  const stored = await openStoredRecords(settings)
  try {
    return await verifyChains(stored.entries(), {
      verifierKeys,
      nowMs: Date.now(),
      remembered: await Promise.all(options.checkpoint.map(textOfFile)),
    })
  } finally {
    await stored.close()
  }
}

async function verifyFile(
  path: string,
  options: VerifyOptions,
  { printError }: CliContext,
): Promise<Verification> {
  const { openExport } = await import('../../audit/export/read-export.ts')
  const { verifyChains } = await import('../../audit/chain/verify.ts')
  const opened = await openExport(path).catch(asDataError)
  const given = await keysOf(options)
  if (given.length === 0)
    printError(
      'note: checked with the keys that the export names; anyone who forges one forges both. See --public-key.\n',
    )
  return await verifyChains(opened.entries(), {
    verifierKeys: given.length > 0 ? given : opened.header.keys,
    nowMs: Date.parse(opened.header.exportedAt),
    isExport: true,
    remembered: await Promise.all(options.checkpoint.map(textOfFile)),
  }).catch(asDataError)
}

/** Keys as they are given, or from files that have one a line. */
async function keysOf({ publicKey }: VerifyOptions): Promise<string[]> {
  const { noteVerifier } = await import('../../audit/chain/note.ts')
  const texts = await Promise.all(
    publicKey.map(async (given) =>
      noteVerifier(given) === undefined ? ((await textIfThere(given)) ?? given) : given,
    ),
  )
  const keys = texts.flatMap((text) => text.split(/\s+/).filter((word) => word !== ''))
  const wrong = keys.find((key) => noteVerifier(key) === undefined)
  if (wrong !== undefined)
    throw new CliError(
      'usage',
      `--public-key: ${wrong.slice(0, 80)} is not a key of checkpoints; \`audit key\` prints it`,
    )
  return keys
}

function textOf(
  { records, chains, findings, moreFindings, notes }: Verification,
  context: CliContext,
): string {
  const rows = chains
    .filter((chain) => chain.records > 0 || chain.checkpoints > 0)
    .map(({ writer, records: count, firstSeq, lastSeq, signedSeq, signedAtMs }) => [
      writer,
      String(count),
      String(firstSeq),
      String(lastSeq),
      String(signedSeq),
      signedAtMs === undefined ? '-' : new Date(signedAtMs).toISOString(),
    ])
  const table = rowsFor(context, rows, ['WRITER', 'RECORDS', 'FIRST', 'LAST', 'SIGNED', 'LAST CHECKPOINT'])
  const total = findings.length + moreFindings
  const verdict =
    total === 0
      ? `${records} records are as they were written`
      : `${total} ${total === 1 ? 'problem' : 'problems'} in ${records} records`
  const shown = findings.slice(0, SHOWN).map((finding) => `${findingText(finding)}\n`)
  const left = total > shown.length ? [`and ${total - shown.length} more; see --json\n`] : []
  const remarks = notes.map((note) => `note: ${printableLine(note)}\n`)
  return [table, '\n', ...shown, ...left, ...remarks, `${verdict}\n`].join('')
}

function findingText({ fault, writer, seq, lastSeq, id, detail }: Finding): string {
  const numbers =
    seq === undefined ? '' : lastSeq === undefined || lastSeq === seq ? ` #${seq}` : ` #${seq}-${lastSeq}`
  const name = id === undefined ? '' : ` ${printableLine(id)}`
  return `${fault.toUpperCase()}${numbers}${name}${writer === undefined ? '' : ` of ${printableLine(writer)}`}: ${printableLine(detail)}`
}

function asDataError(error: unknown): never {
  throw new CliError('data', error instanceof Error ? error.message : String(error))
}
