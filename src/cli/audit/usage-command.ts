import { Command, Option } from 'commander'
import type { UsageKey, UsageRow } from '../../audit/export/usage.ts'
import { printableLine } from '../../domain/text/printable.ts'
import { asJson, type CliContext, rowsFor } from '../context.ts'
import { openStoredRecords } from './stored-records.ts'
import { timeOption } from './time-option.ts'

interface UsageOptions {
  readonly by: UsageKey
  readonly tenant?: string
  readonly from?: number
  readonly to?: number
  readonly limit: string
  readonly json?: boolean
}

/** `audit usage`: calls and bytes by tenant, tool or person, summed up from the records without a gateway. */
export function usageCommand(context: CliContext): Command {
  return new Command('usage')
    .description('sum up calls, failures and bytes by tenant, tool, server, subject or agent')
    .addOption(
      new Option('--by <what>', 'what to sum up by')
        .choices(['tenant', 'tool', 'server', 'subject', 'agent'])
        .default('tool'),
    )
    .option('--tenant <id>', 'only of this tenant')
    .option('--from <time>', 'attempts from this time on, as 2026-01-31T00:00:00Z', timeOption)
    .option('--to <time>', 'attempts before this time', timeOption)
    .option('--limit <count>', 'how many lines, those with the most calls', '50')
    .option('--json', 'print all of them as JSON')
    .action(async (options: UsageOptions) => {
      const rows = await usageOf(options, context)
      if (options.json === true) return context.print(asJson({ by: options.by, usage: rows }))
      const shown = rows
        .slice(0, Number(options.limit))
        .map((row) => [
          row.tenantId,
          ...(options.by === 'tenant' ? [] : [printableLine(row.name)]),
          ...[row.calls, row.failed, row.denied, row.requestBytes, row.responseBytes].map(String),
        ])
      const name = options.by === 'tenant' ? [] : [options.by.toUpperCase()]
      context.print(
        rowsFor(context, shown, ['TENANT', ...name, 'CALLS', 'FAILED', 'DENIED', 'BYTES IN', 'BYTES OUT']),
      )
    })
}

async function usageOf(
  { by, tenant: tenantId, from, to }: UsageOptions,
  { env }: CliContext,
): Promise<UsageRow[]> {
  const { usageBy } = await import('../../audit/export/usage.ts')
  const { settingsFrom } = await import('../settings.ts')
  const stored = await openStoredRecords(settingsFrom(env))
  try {
    return await usageBy(stored.entries(), by, { tenantId, from, to })
  } finally {
    await stored.close()
  }
}
