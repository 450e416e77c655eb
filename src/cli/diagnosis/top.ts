import { setTimeout } from 'node:timers/promises'
import { Command } from 'commander'
import type { JsonObject } from '../../domain/json/json.ts'
import { CliError } from '../cli-error.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, rowsFor, withAddress } from '../context.ts'
import { ask, type GatewayAddress, objectsIn } from '../client/rest-client.ts'

const CLEAR = '\u001B[H\u001B[J'
const DAY_MS = 86_400_000
const RECENT_MS = 60_000

interface TopOptions extends AddressOptions {
  readonly interval: string
  readonly once?: boolean
}

/**
 * `top`: servers, sessions and the calls of the last minute, again and again.
 * @param raw writes to the terminal as it is, to go back to its first line
 */
export function topCommand(context: CliContext, raw: (text: string) => void): Command {
  const command = new Command('top')
    .description('watch servers, sessions and the calls of the last minute (roles operator, auditor)')
    .option('--interval <seconds>', 'time between two looks', '2')
    .option('--once', 'look once')
  return withAddress(command).action(async (options: TopOptions) => {
    const address = addressOf(options, context, DAY_MS)
    const intervalMs = Number(options.interval) * 1000
    if (!(intervalMs >= 500)) throw new CliError('usage', '--interval: expected at least 0.5')
    for (;;) {
      const seen = await lookAt(address)
      if (options.json === true) context.print(asJson(seen, 0))
      else {
        if (options.once !== true && context.columns !== undefined) raw(CLEAR)
        context.print(textOf(seen, context))
      }
      if (options.once === true || context.columns === undefined) return
      await setTimeout(intervalMs)
    }
  })
}

async function lookAt(address: GatewayAddress): Promise<JsonObject> {
  const from = new Date(Date.now() - RECENT_MS).toISOString()
  const [servers, sessions, audit] = await Promise.all([
    ask(address, 'GET', '/v1/servers'),
    ask(address, 'GET', '/v1/sessions'),
    ask(address, 'GET', `/v1/audit?limit=1000&from=${encodeURIComponent(from)}`).catch(() => ({})),
  ])
  const records = objectsIn('records' in audit ? audit.records : []).filter(
    ({ outcome }) => outcome !== 'changed',
  )
  return { servers: objectsIn(servers['servers']), sessions: objectsIn(sessions['sessions']), records }
}

function textOf(seen: JsonObject, context: CliContext): string {
  const records = objectsIn(seen['records'])
  const failed = records.filter(({ outcome }) => outcome !== 'ok').length
  const byServer = Map.groupBy(records, ({ server }) => String(server))
  const rows = objectsIn(seen['servers']).map(({ name, state, instances, breaker }) => {
    const calls = byServer.get(String(name)) ?? []
    const inFlight = objectsIn(instances).reduce((total, each) => total + Number(each['inFlight'] ?? 0), 0)
    return [
      String(name),
      String(state),
      typeof breaker === 'string' ? breaker : '',
      String(inFlight),
      String(calls.length),
      String(calls.filter(({ outcome }) => outcome !== 'ok').length),
      medianText(calls.map(({ durationMs }) => Number(durationMs))),
    ]
  })
  const sessions = objectsIn(seen['sessions']).length
  const head = `${new Date().toISOString().slice(11, 19)}  ${records.length} calls in the last minute, ${failed} failed; ${sessions} sessions\n`
  return head + rowsFor(context, rows, ['SERVER', 'STATE', 'BREAKER', 'NOW', 'CALLS', 'FAILED', 'MEDIAN'])
}

function medianText(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted[Math.floor(sorted.length / 2)]
  return middle === undefined ? '' : `${Math.round(middle)} ms`
}
