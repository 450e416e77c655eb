import { Command } from 'commander'
import { printableLine } from '../../domain/text/printable.ts'
import { ask, objectsIn } from '../client/rest-client.ts'
import { type AddressOptions, addressOf, type CliContext, printList, withAddress } from '../context.ts'
import { eraseCommand } from './erase-command.ts'
import { exportCommand } from './export-command.ts'
import { keyCommand } from './key-command.ts'
import { usageCommand } from './usage-command.ts'
import { verifyCommand } from './verify-command.ts'

const MAX_RECORDS = 1000

interface ListOptions extends AddressOptions {
  readonly from?: string
  readonly to?: string
  readonly subject?: string
  readonly target?: string
  readonly server?: string
  readonly outcome?: string
  readonly limit: string
}

/** `audit`: the usage records of the tenant; its subcommands work without a gateway. */
export function auditCommand(context: CliContext, setExitCode: (code: number) => void): Command {
  const command = new Command('audit')
    // `audit export --from` is not for the list.
    .enablePositionalOptions()
    .description('list usage records, newest first (role auditor); verify, export and sum them up')
    .option('--from <time>', 'records from this time on, as 2026-01-31T00:00:00Z')
    .option('--to <time>', 'records before this time')
    .option('--subject <name>', 'only of this subject')
    .option('--target <name>', 'only of this tool, resource or prompt')
    .option('--server <name>', 'only of this server')
    .option(
      '--outcome <outcome>',
      'ok, tool_error, error, denied, cancelled, unknown, or changed (administrative acts)',
    )
    .option('--limit <count>', `how many, up to ${MAX_RECORDS}`, '100')
  command
    .addCommand(verifyCommand(context, setExitCode))
    .addCommand(exportCommand(context))
    .addCommand(usageCommand(context))
    .addCommand(keyCommand(context))
    .addCommand(eraseCommand(context))
  return withAddress(command).action(async (options: ListOptions) => {
    const { from, to, subject, target, server, outcome, limit } = options
    const given = Object.entries({ from, to, subject, target, server, outcome, limit }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    )
    const answer = await ask(
      addressOf(options, context),
      'GET',
      `/v1/audit?${new URLSearchParams(given).toString()}`,
    )
    const rows = objectsIn(answer['records']).map((record) => [
      text(record['at']).replace(/\.\d{1,9}Z$/, 'Z'),
      text(record['outcome']),
      text(record['code'] ?? (record['effect'] === 'deny' ? record['ruleId'] : '')),
      record['outcome'] === 'changed'
        ? `${text(record['action'])} ${text(record['target'])}`
        : text(record['target']),
      text(record['subject']),
      text(record['agent']),
      `${Math.round(Number(record['durationMs']))} ms`,
    ])
    const header = ['TIME', 'OUTCOME', 'CODE', 'TARGET', 'SUBJECT', 'AGENT', 'TOOK']
    const none = 'no usage record is there, or none fits the options'
    printList(context, options, { value: answer, rows, header, none })
  })
}

function text(value: unknown): string {
  return typeof value === 'string' ? printableLine(value.trimStart().split('\n', 1)[0] ?? '') : ''
}
