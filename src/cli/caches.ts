import { Command, Option } from 'commander'
import type { JsonObject } from '../domain/json/json.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, rowsFor, withAddress } from './context.ts'
import { ask, objectsIn } from './client/rest-client.ts'

type CacheOptions = AddressOptions & { cache?: string; tenant?: string }

/** `caches list` and `caches clear` against a running gateway. */
export function cachesCommand(context: CliContext): Command {
  return new Command('caches')
    .description('show and clear the caches of a running gateway')
    .addCommand(listCommand(context))
    .addCommand(clearCommand(context))
}

function listCommand(context: CliContext): Command {
  const { print } = context
  const command = new Command('list').description('list the caches with their statistics')
  return withCache(command).action(async (options: CacheOptions) => {
    const answer = await ask(addressOf(options, context), 'GET', pathOf(options))
    print(options.json === true ? asJson(answer) : rowsFor(context, objectsIn(answer['caches']).map(row)))
  })
}

function clearCommand(context: CliContext): Command {
  const { print } = context
  const command = new Command('clear').description('clear the caches')
  return withCache(command).action(async (options: CacheOptions) => {
    const answer = await ask(addressOf(options, context), 'DELETE', pathOf(options))
    const rows = objectsIn(answer['cleared']).map(({ name, entries }) => [
      String(name),
      `${String(entries)} entries cleared`,
    ])
    print(options.json === true ? asJson(answer) : rowsFor(context, rows))
  })
}

function withCache(command: Command): Command {
  return withAddress(
    command
      .addOption(new Option('--cache <name>', 'clear only this cache').choices(['enhancements', 'results']))
      .option(
        '--tenant <tenant>',
        'tenant (default: that of the token), or * for all tenants (platform administrators only)',
      ),
  )
}

function pathOf({ cache, tenant }: CacheOptions): string {
  const query = new URLSearchParams()
  if (cache !== undefined) query.set('cache', cache)
  if (tenant !== undefined) query.set('tenantId', tenant)
  return query.size === 0 ? '/v1/caches' : `/v1/caches?${query.toString()}`
}

function row({ name, entries, bytes, hits, misses, evictions }: JsonObject): string[] {
  return [
    String(name),
    `${String(entries)} entries`,
    `${String(bytes)} bytes`,
    `${String(hits)} hits`,
    `${String(misses)} misses`,
    `${String(evictions)} evictions`,
  ]
}
